// Package faults lets the Plan controller make every change that moves money, against the sandbox and a real API
// server, and disturbs each of its calls to the provider in every way. It runs the reconciler without a manager, one
// Reconcile after the other, with a clock of its own: so thousands of disturbed calls take a minute. That a process
// survives being killed is shown with real processes in test/integration/crash.
package faults
