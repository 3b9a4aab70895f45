package paddle

// sample is the data of an event of that type. The account is locked.
func (a *account) sample(kind string) any { return map[string]any{"id": a.newID(kind[:3])} }
