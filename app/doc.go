// Package app is the composition root: it maps the configuration to the options of every package, joins the packages
// through small adapters, starts them in order and stops them in reverse. It is the only package that sees all others.
package app
