package main

import (
	"fmt"
	"os"

	"github.com/operatord/operatord/config"
)

// configCommand groups the commands about the configuration file.
type configCommand struct {
	Check   configCheck   `cmd:"" help:"Check a configuration file and report everything that is wrong with it."`
	Default configDefault `cmd:"" help:"Print the reference file: every setting, explained, at its default."`
}

type configCheck struct {
	File string `arg:"" optional:"" help:"Configuration file; without one only the environment is checked." type:"existingfile"`
}

// Run implements the command.
func (c *configCheck) Run(out streams) error {
	if _, err := config.Load(c.File, os.Environ()); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out.out, "the configuration is valid")
	return err
}

type configDefault struct{}

// Run implements the command.
func (configDefault) Run(out streams) error {
	_, err := fmt.Fprint(out.out, config.Reference)
	return err
}
