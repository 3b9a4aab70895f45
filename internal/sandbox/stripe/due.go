package stripe

import "time"

// CatchUp does what the time has brought since: ends of trials and periods, charges, further attempts at them. Each is
// done as at its own time, in the order in which they came due. The server calls it itself when its clock is changed,
// when the next is due, and before every request.
func (s *Server) CatchUp() {
	s.mu.Lock()
	accounts := make([]*account, 0, len(s.accounts))
	for _, a := range s.accounts {
		accounts = append(accounts, a)
	}
	s.mu.Unlock()
	for _, a := range accounts {
		a.mu.Lock()
		a.catchUp()
		a.mu.Unlock()
	}
}

// never is later than everything.
const never = int64(1) << 62

// catchUp does what is due. The account is locked.
func (a *account) catchUp() {
	if a.at != nil {
		return
	}
	now := a.now().Unix()
	if a.due > now {
		a.arm()
		return
	}
	for {
		sub, due := a.first()
		if a.due = due; due > now {
			break
		}
		at := time.Unix(due, 0).UTC()
		a.at = &at
		a.step(sub, due)
	}
	a.at = nil
	a.arm()
}

// first is the subscription for which something is due first.
func (a *account) first() (sub *resource, due int64) {
	due = never
	for _, s := range a.table("subscription").rows {
		if at := s.due(); at < due {
			sub, due = s, at
		}
	}
	return sub, due
}

// hurry lets the next catch-up look again, because something has changed.
func (a *account) hurry() { a.due = 0 }

// arm sets the timer for what comes next, where there is a clock to set it by.
func (a *account) arm() {
	clock := a.server.opt.Clock
	if clock == nil || a.due == never {
		return
	}
	wait := max(0, clock.Outside(time.Unix(a.due, 0).Sub(clock.Now())))
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.wake)
		return
	}
	a.timer.Reset(wait)
}

func (a *account) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.catchUp()
}

// due is when the next thing happens to a subscription by itself.
func (r *resource) due() int64 {
	at, status := never, r.text("status")
	soon := func(t int64) {
		if t != 0 {
			at = min(at, t)
		}
	}
	if status == "canceled" || status == "incomplete" || r.run == nil {
		return never
	}
	for _, in := range r.run.open {
		soon(in.number("next_payment_attempt"))
	}
	soon(r.number("cancel_at"))
	soon(asObject(r.object["pause_collection"]).number("resumes_at"))
	if status == "trialing" && !r.run.warned {
		soon(r.warning())
	}
	if status != "paused" {
		soon(r.number("current_period_end"))
	}
	return at
}

// warning is when a trial's end is announced; a short trial's is at once.
func (r *resource) warning() int64 {
	return max(r.number("trial_start"), r.number("trial_end")-int64(warnBefore/time.Second))
}

// step does one of the things that are due for a subscription then.
func (a *account) step(sub *resource, now int64) {
	for _, in := range sub.run.open {
		if next := in.number("next_payment_attempt"); next != 0 && next <= now {
			if in.text("status") == "draft" {
				a.bill(sub, in)
			} else {
				a.attempt(sub, in)
			}
			return
		}
	}
	resumes := asObject(sub.object["pause_collection"]).number("resumes_at")
	switch trial := sub.text("status") == "trialing"; {
	case trial && !sub.run.warned && sub.warning() <= now:
		sub.run.warned = true
		a.emit("customer.subscription.trial_will_end", sub.object, nil, Origin{})
	case sub.number("cancel_at") != 0 && sub.number("cancel_at") <= now:
		a.end(sub, "cancellation_requested", Origin{})
	case resumes != 0 && resumes <= now:
		a.change(sub, "customer.subscription.updated", func(o object) { o["pause_collection"] = nil })
	case trial && a.methodOf(sub) == nil:
		a.endTrial(sub)
	default:
		a.cycle(sub)
	}
}

// endTrial ends a trial that left no payment method.
func (a *account) endTrial(sub *resource) {
	behavior := asObject(asObject(sub.object["trial_settings"])["end_behavior"]).text("missing_payment_method")
	switch behavior {
	case "cancel":
		a.end(sub, "payment_failed", Origin{})
	case "pause":
		a.status(sub, "paused")
		a.emit("customer.subscription.paused", sub.object, nil, Origin{})
	default:
		a.cycle(sub)
	}
}
