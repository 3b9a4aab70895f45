// Package alerts tests the chart's alert rules and dashboard with Prometheus' own engine.
package alerts
