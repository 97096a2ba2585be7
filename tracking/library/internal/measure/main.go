// Command measure writes docs/library.md: what each entry of the library is worth on labelled text.
//
// It shows the turns of ../../testdata/turns.tsv, which are this project's own, and the rows of public sets to the
// detector of the live path with the whole library in it. The public sets are too large to lie here; the folder given with
// -sets holds them under the names clinc150.tsv, banking77.tsv, hwu64.tsv and multidogo.tsv, in the form that
// tracking/internal/scatter/README.md describes.
//
//	go run ./tracking/library/internal/measure -sets DIR
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/encoder"
)

type settings struct {
	model, sets, turns, out, vectors string
	mistakes                         bool
}

func main() {
	var s settings
	flag.StringVar(&s.model, "encoder", "weights/all-MiniLM-L6-v2.q8_0.gguf", "GGUF file of the encoder")
	flag.StringVar(&s.sets, "sets", "", "folder with the public sets")
	flag.StringVar(&s.turns, "turns", "tracking/library/testdata/turns.tsv", "turns of our own")
	flag.StringVar(&s.out, "out", "docs/library.md", "file to write")
	flag.StringVar(&s.vectors, "vectors", "", "file that keeps the vectors of the encoder between runs, which makes all but the first quick")
	flag.BoolVar(&s.mistakes, "mistakes", false, "print every wrong and missed match")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, s settings) (err error) {
	material, err := readMaterial(s.turns, s.sets)
	if err != nil {
		return err
	}
	native, err := encoder.Open(s.model, encoder.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, native.Close()) }()
	remembering, err := remember(native, s.vectors)
	if err != nil {
		return err
	}
	mistakes := io.Discard
	if s.mistakes {
		mistakes = os.Stdout
	}
	detector, err := newDetector(remembering)
	if err != nil {
		return err
	}
	m, err := newMeasurement(detector, mistakes)
	if err != nil {
		return err
	}
	if err := errors.Join(m.run(ctx, material), remembering.save(s.vectors)); err != nil {
		return err
	}
	f, err := os.Create(s.out)
	if err != nil {
		return err
	}
	return errors.Join(m.report(f), f.Close())
}

// newDetector returns a detector with the bundled background.
func newDetector(e tracking.Encoder) (*tracking.Detector, error) {
	background, err := tracking.BundledBackground()
	if err != nil {
		return nil, err
	}
	return tracking.New(tracking.Options{Encoder: e, Background: background, IDs: &conversation.IDs{}})
}
