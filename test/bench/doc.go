// Package bench measures what runs in production: the operator and the receivers that it deploys, as processes of
// their own, on a real API server whose etcd waits for the disk. Client, sink, sandbox and control plane share the
// machine, so every figure is what is left for Kassa beside them.
package bench
