package webhookserver

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
)

func TestAComplaintIsLoggedAtOnceAndThenNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		var out bytes.Buffer
		log, c := slog.New(slog.NewTextHandler(&out, nil)), complaintOf("event not recorded")
		for range 100 {
			c.log(log, errors.New("away"))
		}
		g.Expect(strings.Count(out.String(), "event not recorded")).To(Equal(1))
		time.Sleep(complainEvery + time.Second) //nolint:forbidigo // virtual time
		for range 100 {
			c.log(log, errors.New("away"))
		}
		g.Expect(strings.Count(out.String(), "event not recorded")).To(Equal(2))
	})
}
