package lemonsqueezy

import "time"

// LemonSqueezy charges a declined card four more times in two weeks. On which days is not told.
const (
	retryLimit = 4
	retryWait  = 14 * 24 * time.Hour / retryLimit
)

// Tick makes what became due happen. The server does so too before each request, and when its timer rings.
func (s *Server) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
}

// settle makes up for the time that went by, in its order: each thing happens at its own time. The server is locked.
func (s *Server) settle() {
	defer func() { s.moment = time.Time{} }()
	for {
		s.moment = time.Time{}
		now := s.now()
		sub, at := s.nextDue()
		if sub == nil || at.After(now) {
			s.wait(at, now)
			return
		}
		s.moment = at
		s.happen(sub)
	}
}

// wait sets the timer to when something is due next.
func (s *Server) wait(at, now time.Time) {
	if at.IsZero() {
		s.timer.Stop()
		return
	}
	s.timer.Reset(max(s.opt.Clock.Outside(at.Sub(now)), time.Millisecond))
}

// nextDue is the subscription to which something happens first, and when; nil when nothing will.
func (s *Server) nextDue() (*Subscription, time.Time) {
	var first *Subscription
	var at time.Time
	for _, sub := range s.subscriptions {
		if due := sub.due(); !due.IsZero() && (first == nil || due.Before(at)) {
			first, at = sub, due
		}
	}
	return first, at
}

// due is when something happens to a subscription by itself; zero for never.
func (sub *Subscription) due() time.Time {
	switch sub.Status {
	case onTrial, active:
		return sub.RenewsAt.Time
	case pastDue:
		return sub.retryAt
	case cancelled:
		return sub.EndsAt.Time
	case paused:
		return sub.Pause.ResumesAt.Time
	default:
		return time.Time{}
	}
}

func (s *Server) happen(sub *Subscription) {
	switch sub.Status {
	case onTrial, active:
		s.renew(sub)
	case pastDue:
		s.retry(sub)
	case cancelled:
		sub.turn(expired)
		s.changed(sub, "subscription_expired")
	case paused:
		s.unpause(sub)
	}
}

// renew begins the next period and charges it.
func (s *Server) renew(sub *Subscription) {
	total := max(0, s.cost(sub)+sub.carried)
	sub.carried = 0
	s.next(sub)
	s.after(sub, s.bill(sub, "renewal", total))
}

// retry charges a declined card again, and gives up after the last time.
func (s *Server) retry(sub *Subscription) {
	sub.tries++
	switch {
	case s.again(sub):
		s.after(sub, true)
	case sub.tries >= retryLimit:
		sub.retryAt = time.Time{}
		sub.turn(unpaid)
		s.changed(sub)
	default:
		sub.retryAt = s.now().Add(retryWait)
	}
}

// after is what an attempt to charge a subscription led to.
func (s *Server) after(sub *Subscription, paid bool) {
	if paid {
		sub.retryAt = time.Time{}
		sub.turn(active)
		s.catchUp(sub)
	} else {
		sub.retryAt = s.now().Add(retryWait)
		sub.turn(pastDue)
	}
	s.changed(sub)
}

// catchUp moves the next renewal into the future, without invoices for the periods in between.
func (s *Server) catchUp(sub *Subscription) {
	for !sub.RenewsAt.After(s.now()) {
		s.next(sub)
	}
}

func (s *Server) unpause(sub *Subscription) {
	sub.Pause = nil
	sub.turn(active)
	s.catchUp(sub)
	s.changed(sub, "subscription_unpaused")
}
