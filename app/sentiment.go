package app

import (
	"github.com/operatord/operatord/postcall"
	"github.com/operatord/operatord/postcall/sentiment"
)

// sentiment returns the judge of moods: with sentence vectors where there is an encoder, otherwise by the lexicon alone.
func (a *App) sentiment() (postcall.Judge, error) {
	opts := sentiment.Options{Logger: a.log}
	if a.encoder != nil {
		opts.Encoder = a.encoder
	}
	return sentiment.New(opts)
}
