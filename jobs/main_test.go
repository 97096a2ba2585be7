package jobs_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashDB); path != "" {
		runUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}
