// Package shell writes commands that people are told to type.
package shell

import "strings"

// Quoted is a word of a shell.
func Quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
