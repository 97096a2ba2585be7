// Command operatord-demo shows the daemon at its main job: it starts operatord on a data folder of its own, places real
// calls to it over SIP and RTP with the sample recordings, prints what the daemon hears and finds while the calls run,
// and ends with a table of what was found against what the recordings say should be.
//
// It uses what any client has: SIP, the HTTP API and the event stream.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"
)

// options are the command line.
type options struct {
	Calls  string        `help:"Folder with the sample calls." default:"samples/calls" type:"existingdir"`
	Daemon string        `help:"The daemon to start." default:"bin/operatord" type:"existingfile"`
	Data   string        `help:"Folder for the daemon's configuration and data; a new temporary one without it." type:"path"`
	Apart  time.Duration `help:"Time between the starts of two calls." default:"3s"`
	Stay   bool          `help:"Keep the daemon running at the end, until Ctrl-C."`
}

// runTimeout bounds the whole demo, waiting for the user aside.
const runTimeout = 10 * time.Minute

func main() {
	var opts options
	kong.Parse(&opts, kong.Name("operatord-demo"), kong.Description("Places the sample calls to a fresh daemon and shows what it finds."))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, opts)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "operatord-demo:", err)
		os.Exit(1)
	}
}

// run plays the demo from beginning to end.
func run(ctx context.Context, opts options) (err error) {
	samples, err := loadSamples(opts.Calls)
	if err != nil {
		return err
	}
	if opts.Data == "" {
		if opts.Data, err = os.MkdirTemp("", "operatord-demo-"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(opts.Data, 0o700); err != nil {
		return err
	}
	d, err := startDaemon(ctx, opts, samples)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	fmt.Printf("\n  The live page:  http://%s\n  Calls come in at sip:2001…@%s, in real time. Everything below is heard on the line.\n\n", d.addrs["http"], d.addrs["sip_udp"])

	results, err := play(ctx, opts, d, samples)
	if err != nil {
		return err
	}
	report(os.Stdout, results)
	fmt.Printf("\n  The data is kept in %s; look at it with\n    bin/operatord serve --config %s\n\n", opts.Data, filepath.Join(opts.Data, configName))
	if opts.Stay {
		fmt.Println("  The daemon keeps running; Ctrl-C ends it.")
		<-ctx.Done()
	}
	return nil
}

// play places the calls and watches the event stream until every one of them is analysed.
func play(ctx context.Context, opts options, d *daemon, samples []sample) ([]result, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	w, err := watch(ctx, d.addrs["http"], samples)
	if err != nil {
		return nil, err
	}
	defer w.close()
	var group errgroup.Group
	group.Go(func() error { return w.run(ctx, os.Stdout) })
	group.Go(func() error { return placeCalls(ctx, opts.Apart, d.addrs["sip_udp"], samples) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return w.results, nil
}
