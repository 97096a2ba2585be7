package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/operatord/operatord/app"
	"github.com/operatord/operatord/config"
)

// serveCommand runs the daemon until it is told to stop.
type serveCommand struct {
	Config   string `help:"Configuration file; without one the defaults hold." type:"existingfile" short:"c"`
	AddrFile string `help:"File that receives the bound addresses as JSON once the daemon listens." type:"path"`
}

// Run implements the command.
func (s *serveCommand) Run(ctx context.Context, out streams) error {
	cfg, err := config.Load(s.Config, os.Environ())
	if err != nil {
		return err
	}
	log := newLogger(out.err, cfg.Log)
	daemon, err := app.New(cfg, app.Options{Logger: log, Version: version})
	if err != nil {
		return err
	}
	return daemon.Run(ctx, func(addrs map[string]string) error {
		if err := s.writeAddrs(addrs); err != nil {
			return err
		}
		log.Info("operatord is listening", "page", "http://"+addrs["http"], "sip_udp", addrs["sip_udp"],
			"sip_tcp", addrs["sip_tcp"], "data_dir", cfg.DataDir, "version", version)
		return nil
	})
}

// writeAddrs writes the address file at once and whole, so that a reader never sees a part of it.
func (s *serveCommand) writeAddrs(addrs map[string]string) error {
	if s.AddrFile == "" {
		return nil
	}
	data, err := json.MarshalIndent(addrs, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.AddrFile), ".addrs-*")
	if err != nil {
		return fmt.Errorf("write --addr-file: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.AddrFile)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to report
		return fmt.Errorf("write --addr-file: %w", err)
	}
	return nil
}
