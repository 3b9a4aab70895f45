package localnode_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/localnode"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		if err := serve(); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	controlplane.Main(m, controlplane.Options{NoFsync: true})
}

// app is the name of the Deployment and the Service of a test, and their label.
const app = "web"

const (
	limit = 30 * time.Second
	tick  = 50 * time.Millisecond
)

// cluster is a namespace of the shared control plane with a node of its own.
type cluster struct {
	*GomegaWithT
	t    *testing.T
	cp   *controlplane.ControlPlane
	api  kubernetes.Interface
	ns   string
	node *localnode.Node
	http *http.Client // through the node's proxy
}

func newCluster(t *testing.T, cp *controlplane.ControlPlane) *cluster {
	t.Helper()
	c := &cluster{GomegaWithT: NewWithT(t), t: t, cp: cp}
	var err error
	c.api, err = kubernetes.NewForConfig(cp.Config())
	c.Expect(err).NotTo(HaveOccurred())
	c.ns = cp.Namespace(t)
	self, err := os.Executable()
	c.Expect(err).NotTo(HaveOccurred())
	c.node, err = localnode.Start(t.Context(), localnode.Options{
		Config: cp.Config(), Namespace: c.ns, CollectGarbage: true, Output: t.Output(),
		Images: map[string]localnode.Image{"server:test": {Path: self, Env: []string{serverEnv + "=1", "FROM_IMAGE=yes"}}},
	})
	c.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { c.Expect(c.node.Stop()).To(Succeed()) })
	proxy, err := url.Parse(c.node.ProxyURL())
	c.Expect(err).NotTo(HaveOccurred())
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}
	c.http = &http.Client{Transport: transport, Timeout: limit}
	return c
}

func (c *cluster) deployment(replicas int32, env ...corev1.EnvVar) *appsv1.Deployment {
	labels := map[string]string{"app": app}
	grace := int64(20)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: app},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: &grace,
					Containers: []corev1.Container{{
						Name: "server", Image: "server:test", Env: env,
						Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
						ReadinessProbe: &corev1.Probe{
							PeriodSeconds: 1, FailureThreshold: 1,
							ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
								Path: "/healthz", Port: intstr.FromString("http"),
							}},
						},
					}},
				},
			},
		},
	}
}

func (c *cluster) create(d *appsv1.Deployment) {
	c.t.Helper()
	_, err := c.api.AppsV1().Deployments(c.ns).Create(c.t.Context(), d, metav1.CreateOptions{})
	c.Expect(err).NotTo(HaveOccurred())
}

func (c *cluster) service(kind corev1.ServiceType) *corev1.Service {
	c.t.Helper()
	s, err := c.api.CoreV1().Services(c.ns).Create(c.t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: app},
		Spec: corev1.ServiceSpec{
			Type: kind, Selector: map[string]string{"app": app},
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http")}},
		},
	}, metav1.CreateOptions{})
	c.Expect(err).NotTo(HaveOccurred())
	return s
}

// patch merges JSON into a Deployment.
func (c *cluster) patch(body string) {
	c.t.Helper()
	_, err := c.api.AppsV1().Deployments(c.ns).
		Patch(c.t.Context(), app, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{})
	c.Expect(err).NotTo(HaveOccurred())
}

// settled waits until the Deployment's status says that the wanted pods, and no others, are there and ready.
func (c *cluster) settled(replicas int32) {
	c.t.Helper()
	c.Eventually(func(g Gomega) {
		d, err := c.api.AppsV1().Deployments(c.ns).Get(c.t.Context(), app, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(d.Status.ObservedGeneration).To(Equal(d.Generation))
		g.Expect([]int32{d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas}).
			To(HaveEach(replicas), "%+v", d.Status)
		g.Expect(condition(d, appsv1.DeploymentAvailable)).To(Equal("True MinimumReplicasAvailable"))
		g.Expect(condition(d, appsv1.DeploymentProgressing)).To(Equal("True NewReplicaSetAvailable"))
		g.Expect(c.node.Pods(c.ns, app)).To(HaveLen(int(replicas)))
	}, limit, tick).Should(Succeed())
}

func condition(d *appsv1.Deployment, t appsv1.DeploymentConditionType) string {
	for _, c := range d.Status.Conditions {
		if c.Type == t {
			return string(c.Status) + " " + c.Reason
		}
	}
	return "absent"
}

func (c *cluster) get(address string) (string, error) {
	resp, err := c.http.Get(address)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return string(body), err
}

// ask asks a pod itself.
func (c *cluster) ask(pod localnode.Pod, path string) string {
	c.t.Helper()
	body, err := c.get("http://" + pod.IP + ":8080" + path)
	c.Expect(err).NotTo(HaveOccurred())
	return body
}

func TestPodsRunAsProcesses(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	ctx := t.Context()
	_, err := c.api.CoreV1().Secrets(c.ns).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "creds"}, StringData: map[string]string{"password": "from-secret"},
	}, metav1.CreateOptions{})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.api.CoreV1().ConfigMaps(c.ns).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"COLOR": "from-configmap"},
	}, metav1.CreateOptions{})
	c.Expect(err).NotTo(HaveOccurred())
	_, err = c.api.CoreV1().ServiceAccounts(c.ns).Create(ctx, &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: "server"},
	}, metav1.CreateOptions{})
	c.Expect(err).NotTo(HaveOccurred())

	ref := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	d := c.deployment(2,
		corev1.EnvVar{Name: "NAME", ValueFrom: ref("metadata.name")},
		corev1.EnvVar{Name: "NODE", ValueFrom: ref("spec.nodeName")},
		corev1.EnvVar{Name: "ADDRESS", ValueFrom: ref("status.podIP")},
		corev1.EnvVar{Name: "APP", ValueFrom: ref("metadata.labels['app']")},
		corev1.EnvVar{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "creds"}, Key: "password",
		}}},
		corev1.EnvVar{Name: "GREETING", Value: "I am $(NAME)"},
	)
	container := &d.Spec.Template.Spec.Containers[0]
	container.Command = []string{"/kassa", "serve"}
	container.Args = []string{"--name=$(NAME)", "$$(NAME)"}
	container.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: "settings"},
	}}}
	d.Spec.Template.Spec.ServiceAccountName = "server"
	c.create(d)
	c.settled(2)

	pods := c.node.Pods(c.ns, app)
	c.Expect(pods[0].IP).NotTo(Equal(pods[1].IP))
	c.Expect(pods[0].PID).NotTo(Equal(pods[1].PID))
	pod := pods[1]
	for name, want := range map[string]string{
		"NAME": pod.Name, "NODE": localnode.Name, "ADDRESS": pod.IP, "POD_IP": pod.IP, "APP": "web", "FROM_IMAGE": "yes",
		"PASSWORD": "from-secret", "COLOR": "from-configmap", "GREETING": "I am " + pod.Name,
		"HTTP_PROXY": c.node.ProxyURL(), "USER": "",
	} {
		c.Expect(c.ask(pod, "/env?name="+name)).To(Equal(want), name)
	}
	c.Expect(c.ask(pod, "/args")).To(Equal("[serve --name=" + pod.Name + " $(NAME)]"))
	c.Expect(c.ask(pod, "/whoami")).To(Equal("system:serviceaccount:" + c.ns + ":server"))
	logs, err := c.node.Logs(pod)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(logs).To(HavePrefix("started [serve --name=" + pod.Name))

	got, err := c.api.CoreV1().Pods(c.ns).Get(ctx, pod.Name, metav1.GetOptions{})
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(got.Status.Phase).To(Equal(corev1.PodRunning))
	c.Expect(got.Status.PodIP).To(Equal(pod.IP))
	c.Expect(got.Status.ContainerStatuses).To(HaveLen(1))
	c.Expect(got.Status.ContainerStatuses[0].Ready).To(BeTrue())
}

func TestRollingUpdateLosesNoRequest(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	c.service(corev1.ServiceTypeClusterIP)
	c.create(c.deployment(2, corev1.EnvVar{Name: "VERSION", Value: "one"}))
	c.settled(2)

	seen := map[string]int{}
	c.patch(`{"spec":{"template":{"spec":{"containers":[
		{"name":"server","env":[{"name":"VERSION","value":"two"}]}]}}}}`)
	for deadline := time.Now().Add(limit); seen["two"] < 20 && time.Now().Before(deadline); {
		version, err := c.get("http://web." + c.ns + ".svc/env?name=VERSION")
		c.Expect(err).NotTo(HaveOccurred())
		seen[version]++
	}
	c.Expect(seen["two"]).To(Equal(20), "%v", seen)
	c.settled(2)
	for _, pod := range c.node.Pods(c.ns, app) {
		c.Expect(c.ask(pod, "/env?name=VERSION")).To(Equal("two"))
	}
}

func TestKilledPodStartsAgain(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	c.create(c.deployment(1))
	c.settled(1)
	for restarts := 1; restarts <= 3; restarts++ {
		before := c.node.Pods(c.ns, app)[0]
		c.Expect(c.node.Kill(before)).To(BeTrue())
		c.Eventually(func(g Gomega) {
			after := c.node.Pods(c.ns, app)[0]
			g.Expect(after.Name).To(Equal(before.Name))
			g.Expect(after.PID).NotTo(Or(Equal(before.PID), BeZero()))
			g.Expect(after.Ready).To(BeTrue())
			g.Expect(after.Restarts).To(Equal(restarts))
			pod, err := c.api.CoreV1().Pods(c.ns).Get(t.Context(), after.Name, metav1.GetOptions{})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(pod.Status.ContainerStatuses[0].RestartCount).To(BeEquivalentTo(restarts))
			g.Expect(pod.Status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode).To(BeEquivalentTo(137))
		}, limit, tick).Should(Succeed())
	}
}

func TestCrashingPodBacksOff(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	c.create(c.deployment(1, corev1.EnvVar{Name: "CRASH", Value: "yes"}))
	c.Eventually(func(g Gomega) {
		pods, err := c.api.CoreV1().Pods(c.ns).List(t.Context(), metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pods.Items).To(HaveLen(1))
		g.Expect(pods.Items[0].Status.ContainerStatuses).To(HaveLen(1))
		status := pods.Items[0].Status.ContainerStatuses[0]
		g.Expect(status.State.Waiting).NotTo(BeNil())
		g.Expect(status.State.Waiting.Reason).To(Equal("CrashLoopBackOff"))
		g.Expect(status.LastTerminationState.Terminated.ExitCode).To(BeEquivalentTo(3))
		d, err := c.api.AppsV1().Deployments(c.ns).Get(t.Context(), "web", metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(condition(d, appsv1.DeploymentAvailable)).To(Equal("False MinimumReplicasUnavailable"))
	}, limit, tick).Should(Succeed())
}

func TestScaleAndDelete(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	c.create(c.deployment(3))
	c.settled(3)
	c.patch(`{"spec":{"replicas":1}}`)
	c.settled(1)
	c.patch(`{"spec":{"replicas":0}}`)
	c.settled(0)
	c.patch(`{"spec":{"replicas":2}}`)
	c.settled(2)

	c.Expect(c.api.AppsV1().Deployments(c.ns).Delete(t.Context(), "web", metav1.DeleteOptions{})).To(Succeed())
	c.Eventually(func(g Gomega) {
		g.Expect(c.node.Pods(c.ns, app)).To(BeEmpty())
		pods, err := c.api.CoreV1().Pods(c.ns).List(t.Context(), metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pods.Items).To(BeEmpty())
	}, limit, tick).Should(Succeed())
}

// A process that ignores SIGTERM gets SIGKILL after its grace period, and a deleted pod is replaced.
func TestDeletedPodIsReplaced(t *testing.T) {
	c := newCluster(t, controlplane.Shared(t))
	d := c.deployment(1, corev1.EnvVar{Name: "IGNORE_SIGTERM", Value: "yes"})
	grace := int64(1)
	d.Spec.Template.Spec.TerminationGracePeriodSeconds = &grace
	c.create(d)
	c.settled(1)
	old := c.node.Pods(c.ns, app)[0]
	c.Expect(c.api.CoreV1().Pods(c.ns).Delete(t.Context(), old.Name, metav1.DeleteOptions{})).To(Succeed())
	c.Eventually(func(g Gomega) {
		pods, err := c.api.CoreV1().Pods(c.ns).List(t.Context(), metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pods.Items).To(HaveLen(1))
		g.Expect(pods.Items[0].Name).NotTo(Equal(old.Name))
	}, limit, tick).Should(Succeed())
	logs, err := c.node.Logs(old)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(logs).To(ContainSubstring("ignored SIGTERM"))
	c.settled(1)
}

func TestWhatCannotRunSaysWhy(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*corev1.PodSpec)
		want   string
	}{
		"a Secret volume": {
			change: func(s *corev1.PodSpec) {
				s.Volumes = []corev1.Volume{{Name: "keys", VolumeSource: corev1.VolumeSource{
					Secret: &corev1.SecretVolumeSource{SecretName: "keys"},
				}}}
			},
			want: "volume keys: the local node can mount nothing but an emptyDir at /tmp",
		},
		"an unknown image": {
			change: func(s *corev1.PodSpec) { s.Containers[0].Image = "other:1" },
			want:   `the local node has no program for image "other:1"`,
		},
		"a Secret that does not exist": {
			change: func(s *corev1.PodSpec) {
				s.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: "absent"},
				}}}
			},
			want: `secrets "absent" not found`,
		},
		"a ServiceAccount that does not exist": {
			change: func(s *corev1.PodSpec) { s.ServiceAccountName = "absent" },
			want:   `serviceaccounts "absent" not found`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, controlplane.Shared(t))
			d := c.deployment(1)
			tc.change(&d.Spec.Template.Spec)
			c.create(d)
			c.Eventually(func(g Gomega) {
				pods, err := c.api.CoreV1().Pods(c.ns).List(t.Context(), metav1.ListOptions{})
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(pods.Items).To(HaveLen(1))
				g.Expect(pods.Items[0].Status.Phase).To(Equal(corev1.PodPending))
				g.Expect(pods.Items[0].Status.ContainerStatuses).To(HaveLen(1))
				g.Expect(pods.Items[0].Status.ContainerStatuses[0].State.Waiting.Message).To(ContainSubstring(tc.want))
			}, limit, tick).Should(Succeed())
		})
	}
}

// Pods live on while the API server is away, as on a real node: they are restarted, and probed, and routed to.
func TestPodsOutliveTheAPIServer(t *testing.T) {
	cp, err := controlplane.Start(t.Context(), controlplane.Options{NoFsync: true, NoCRDs: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cp.Stop() })
	c := newCluster(t, cp)
	c.service(corev1.ServiceTypeClusterIP)
	c.create(c.deployment(1, corev1.EnvVar{Name: "VERSION", Value: "one"}))
	c.settled(1)

	cp.StopAPIServer()
	c.Expect(c.node.Kill(c.node.Pods(c.ns, app)[0])).To(BeTrue())
	c.Eventually(func() (string, error) {
		return c.get("http://web." + c.ns + ".svc/env?name=VERSION")
	}, limit, tick).Should(Equal("one"))

	c.Expect(cp.Restart(t.Context())).To(Succeed())
	c.Eventually(func(g Gomega) {
		pods, err := c.api.CoreV1().Pods(c.ns).List(t.Context(), metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pods.Items).To(HaveLen(1))
		g.Expect(pods.Items[0].Status.ContainerStatuses[0].RestartCount).To(BeEquivalentTo(1))
	}, limit, tick).Should(Succeed())
	c.settled(1)
}
