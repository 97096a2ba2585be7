package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
)

// Files in the demo's data folder.
const (
	configName = "operatord.yaml"
	addrsName  = "addresses.json"
	logName    = "operatord.log"
)

// Deadlines of the daemon's life.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
	pollInterval = 50 * time.Millisecond
)

// daemon is a running operatord.
type daemon struct {
	command *exec.Cmd
	exited  chan error // receives the process's end once; capacity 1
	addrs   map[string]string
	log     string
}

// startDaemon starts operatord on free ports and returns once it is ready. The operator's side of each call is the agent
// channel of the same recording, chosen by the number that is dialled.
func startDaemon(ctx context.Context, opts options, samples []sample) (*daemon, error) {
	if err := writeConfig(filepath.Join(opts.Data, configName), samples); err != nil {
		return nil, err
	}
	d := &daemon{exited: make(chan error, 1), log: filepath.Join(opts.Data, logName)}
	log, err := os.Create(d.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own handle
	addrs := filepath.Join(opts.Data, addrsName)
	_ = os.Remove(addrs)                                                                                                   // of an earlier run; there usually is none
	d.command = exec.Command(opts.Daemon, "serve", "--config", filepath.Join(opts.Data, configName), "--addr-file", addrs) //nolint:noctx // stop ends it in an orderly way
	d.command.Stdout, d.command.Stderr = log, log
	d.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches it through stop, not beside it
	started := time.Now()
	if err := d.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", opts.Daemon, err)
	}
	go func() { d.exited <- d.command.Wait() }() // ends with the process, which stop awaits
	if err := d.awaitReady(ctx, addrs); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	fmt.Printf("operatord is ready after %s (log: %s)\n", time.Since(started).Round(10*time.Millisecond), d.log)
	return d, nil
}

// awaitReady waits for the address file and then for the daemon to say that it is ready.
func (d *daemon) awaitReady(ctx context.Context, addrsFile string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		select {
		case err := <-d.exited:
			d.exited <- err
			return fmt.Errorf("operatord ended before it was ready: %w; see %s", err, d.log)
		case <-ctx.Done():
			return fmt.Errorf("operatord is not ready: %w; see %s", ctx.Err(), d.log)
		case <-poll.C:
		}
		if d.addrs == nil {
			data, err := os.ReadFile(addrsFile)
			if err != nil || json.Unmarshal(data, &d.addrs) != nil {
				continue
			}
		}
		if d.ready(ctx) {
			return nil
		}
	}
}

func (d *daemon) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.addrs["http"]+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // only the status counts
	return response.StatusCode == http.StatusOK
}

// stop ends the daemon as an operator would and waits for it.
func (d *daemon) stop() error {
	_ = d.command.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case err := <-d.exited:
		if err != nil {
			return fmt.Errorf("operatord: %w; see %s", err, d.log)
		}
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("operatord did not stop within %s; see %s", stopTimeout, d.log), d.command.Process.Kill())
	}
}

// writeConfig writes the daemon's configuration: free ports, a profile and a route for each sample.
func writeConfig(path string, samples []sample) error {
	type entry = map[string]any
	var profiles, routes []entry
	for _, s := range samples {
		profiles = append(profiles, entry{"name": s.Name, "greeting": s.WAV, "greeting_channel": 1})
		routes = append(routes, entry{"to": s.Number, "profile": s.Name})
	}
	data, err := yaml.Marshal(entry{
		"http":     entry{"listen": "127.0.0.1:0"},
		"sip":      entry{"udp": "127.0.0.1:0", "tcp": "127.0.0.1:0"},
		"profiles": profiles, "routes": routes,
		"tracking": entry{"trackers": []entry{
			{"name": "Complaint", "vocabulary": []string{
				"I want to make a complaint", "I am very disappointed", "that is not good enough", "this is unacceptable",
				"your service is terrible", "I am not satisfied with your support",
			}},
			{"name": "Renewal", "vocabulary": []string{
				"I would like to renew my policy", "I want to extend my contract", "please renew my subscription for another year",
				"can I renew my membership", "how do I renew",
			}},
		}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
