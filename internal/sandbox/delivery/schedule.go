package delivery

import "time"

// Schedule are the waits before a message's second, third and further attempts. After the last one it is given up.
type Schedule []time.Duration

// Quick is no provider's schedule: it waits a second, then twice as long each time up to a minute, for three days. With
// it a receiver that was away for a moment gets everything soon, and one that was away for long gets it in the end.
var Quick = func() Schedule {
	var out Schedule
	wait, total := time.Second, time.Duration(0)
	for total < 72*time.Hour {
		out = append(out, wait)
		total += wait
		wait = min(2*wait, time.Minute)
	}
	return out
}()

// Faster is the schedule with waits that are so many times shorter.
func (s Schedule) Faster(times float64) Schedule {
	out := make(Schedule, len(s))
	for i, wait := range s {
		out[i] = time.Duration(float64(wait) / times)
	}
	return out
}

// Total is how long it takes until a message is given up, without the attempts themselves.
func (s Schedule) Total() time.Duration {
	var total time.Duration
	for _, wait := range s {
		total += wait
	}
	return total
}
