// Package run types the commands of the documentation as they stand there, in a shop of config/samples on processes of
// this machine, and looks whether what the pages say comes of them. What needs pods on real nodes is typed by test/e2e.
//
// What counts as a command is said by pages.Page.Commands. What a page leaves to its reader, such as NAME, is swapped
// where it is typed. The rest is the reader's world: hosts such as pay.acme.com and hooks.example.com lead to the shop,
// and the ports of the samples are others, so that a demo may run beside.
package run
