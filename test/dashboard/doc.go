// Package dashboard draws the picture of the chart's Grafana dashboard in docs/img, and tells when it is out of date.
// `make dashboard-picture` has a shop at the sandbox live through two days, which last twelve minutes, asks Prometheus'
// engine what the dashboard asks for, and lets Grafana's own components draw the second day.
package dashboard
