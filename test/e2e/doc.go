// Package e2e runs the shipped image and the shipped chart on a real cluster with nodes, as somebody who installs Kassa
// would: with helm and kubectl. make e2e runs it; it is skipped elsewhere.
//
// What is checked is what only nodes can show: Services and DNS between pods, admission by the Pod Security profile
// restricted, rollouts and drains under a steady load of events, an upgrade from the version before and the way back,
// the plugin's ways through kubelets, and what an uninstallation leaves. NetworkPolicies are only looked at as objects:
// whether something enforces them depends on the cluster's network.
package e2e
