// Command operatord is the telephony operator daemon and its command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/operatord/operatord/config"
	"github.com/operatord/operatord/weights"
)

// version is set by the linker.
var version = "dev"

// exitConfig is the exit status for a configuration that is wrong.
const exitConfig = 2

// cli is the command line. Every command has a Run method that kong calls with what main binds.
type cli struct {
	Serve    serveCommand    `cmd:"" help:"Run the daemon."`
	Config   configCommand   `cmd:"" help:"Check a configuration, or print the reference file."`
	Models   modelsCommand   `cmd:"" help:"List and download speech models."`
	Call     callCommand     `cmd:"" help:"Place a call through a running daemon and follow it."`
	Trackers trackersCommand `cmd:"" help:"Manage the trackers of a running daemon."`
	Bench    benchCommand    `cmd:"" help:"Measure this build on your own data."`
	Version  struct{}        `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)   // a second signal ends the process at once
	signal.Ignore(syscall.SIGXFSZ) // a limit on file sizes is an error like a full disk, not the end of the process
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	if problems, ok := errors.AsType[config.Errors](err); ok {
		fmt.Fprintf(os.Stderr, "operatord: the configuration has %d problem(s):\n%s\n", len(problems), err)
		os.Exit(exitConfig)
	}
	fmt.Fprintln(os.Stderr, "operatord:", err)
	os.Exit(1)
}

// run parses the arguments and runs one command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var line cli
	parser, err := kong.New(&line,
		kong.Name("operatord"),
		kong.Description("Answers and places SIP and WebRTC calls, listens to every word, and acts on what is said."),
		kong.UsageOnError(), kong.Writers(stdout, stderr), kong.Vars{"models_url": weights.DefaultBaseURL},
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return err
	}
	if command.Command() == "version" {
		_, err := fmt.Fprintln(stdout, "operatord", version)
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(streams{out: stdout, err: stderr})
}

// streams are where a command writes: results to out, progress and logs to err.
type streams struct{ out, err io.Writer }

// newLogger returns the logger the configuration asks for.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the configuration is validated: it holds a level
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
