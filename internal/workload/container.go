package workload

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
)

// FlagTLS is the argument of a server that is deployed with TLS.
const FlagTLS = "--tls"

func (s Server) container() *coreac.ContainerApplyConfiguration {
	name, port, _ := s.port()
	args := slices.Concat([]string{s.Command}, s.Args)
	if s.TLS {
		args = append(args, FlagTLS, "--port="+strconv.Itoa(PortHTTPS))
	}
	required := requirements(s.Workload.Resources)
	return coreac.Container().WithName(s.Command).WithImage(s.Image).WithArgs(args...).
		WithEnv(s.env(required.Limits)...).
		WithPorts(
			coreac.ContainerPort().WithName(name).WithContainerPort(port).WithProtocol(corev1.ProtocolTCP),
			coreac.ContainerPort().WithName("health").WithContainerPort(PortHealth).WithProtocol(corev1.ProtocolTCP)).
		// A server cannot begin while the API server is away, and reads its whole memory from it first: it gets five
		// minutes, where a liveness probe alone would start it again and again.
		WithStartupProbe(probe("/healthz").WithPeriodSeconds(1).WithFailureThreshold(300)).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2).WithFailureThreshold(2)).
		// It asks nothing but whether the process answers: what a restart cannot help is readiness' matter.
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10).WithFailureThreshold(6)).
		WithResources(coreac.ResourceRequirements().WithRequests(required.Requests).WithLimits(required.Limits)).
		WithSecurityContext(coreac.SecurityContext().WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).WithRunAsNonRoot(true).
			WithCapabilities(coreac.Capabilities().WithDrop("ALL")))
}

// env has no GOMAXPROCS: Go's runtime reads the CPU limit itself, and follows it. The memory limit it does not read.
func (s Server) env(limits corev1.ResourceList) []*coreac.EnvVarApplyConfiguration {
	env := []*coreac.EnvVarApplyConfiguration{
		coreac.EnvVar().WithName("POD_NAME").WithValueFrom(coreac.EnvVarSource().
			WithFieldRef(coreac.ObjectFieldSelector().WithFieldPath("metadata.name"))),
	}
	if limit, ok := limits[corev1.ResourceMemory]; ok {
		env = append(env, coreac.EnvVar().WithName("GOMEMLIMIT").WithValue(strconv.FormatInt(goMemory(limit.Value()), 10)))
	}
	for _, e := range s.Env {
		env = append(env, coreac.EnvVar().WithName(e.Name).WithValue(e.Value))
	}
	return env
}

// goMemory is GOMEMLIMIT, in bytes, for a container's limit. It is a tenth less, and at least 16 MiB, because the limit
// also counts what Go's runtime does not see, such as buffers of sockets; but never less than half, below which the
// collector would do nothing but collect.
func goMemory(limit int64) int64 {
	const least = 16 << 20
	return max(limit-max(limit/10, least), limit/2)
}

func probe(path string) *coreac.ProbeApplyConfiguration {
	return coreac.Probe().WithTimeoutSeconds(2).
		WithHTTPGet(coreac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString("health")))
}

func requirements(r *corev1.ResourceRequirements) corev1.ResourceRequirements {
	if r != nil {
		return *r
	}
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi"),
		},
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
	}
}
