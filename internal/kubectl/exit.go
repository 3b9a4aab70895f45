package kubectl

import "errors"

// Exit codes, as those of kubectl diff.
const (
	ExitOK     = 0
	ExitFound  = 1 // validate found defects, or diff differences
	ExitFailed = 2 // the command could not do its work
)

// ErrFound ends a command that did its work and found what it looked for. Everything has been printed.
var ErrFound = errors.New("found")

// ExitCode is what the process ends with.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrFound):
		return ExitFound
	default:
		return ExitFailed
	}
}
