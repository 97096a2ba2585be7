package tracking

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
)

// LoadBackground returns the statistics of an encoder: those of the bundled one, those kept in a file of dir, or new ones,
// which it computes and keeps there. Computing encodes some thousand sentences; computing is called before, if it is not nil.
func LoadBackground(ctx context.Context, e Encoder, dir string, computing func(file string)) (*Background, error) {
	if bundled, err := BundledBackground(); err == nil && bundled.suits(e) == nil {
		return bundled, nil
	}
	file := filepath.Join(dir, backgroundFile(e))
	if kept, err := readBackgroundFile(file); err == nil && kept.suits(e) == nil { // a damaged one is computed anew
		return kept, nil
	}
	if computing != nil {
		computing(file)
	}
	b, err := InstallBackground(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("background of encoder %s: %w", e.Name(), err)
	}
	return b, writeBackgroundFile(file, b)
}

// InstallBackground computes the statistics and the calibration of an encoder from the sentences this package carries. It
// encodes some thousand sentences.
func InstallBackground(ctx context.Context, e Encoder) (*Background, error) {
	turns, bank, err := readSentences()
	if err != nil {
		return nil, err
	}
	turnVectors, err := embedAll(ctx, e, textsOf(turns))
	if err != nil {
		return nil, err
	}
	bankVectors, err := embedAll(ctx, e, textsOf(bank))
	if err != nil {
		return nil, err
	}
	b := &Background{
		encoder: e.Name(), dimensions: e.Dimensions(), turns: len(turns), bank: len(bank),
		turnMean: meanScatter(turnVectors, e.Dimensions()), bankMean: meanScatter(bankVectors, e.Dimensions()),
	}
	b.scale, err = calibrate(b, bank, bankVectors)
	return b, err
}

func textsOf(list []sentence) []string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = s.text
	}
	return texts
}

// backgroundFile names the file of an encoder; the name of an encoder may hold anything.
func backgroundFile(e Encoder) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d/%s", e.Name(), e.Dimensions(), backgroundMagic)
	return fmt.Sprintf("background-%016x.bin", h.Sum64())
}

func readBackgroundFile(file string) (*Background, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadBackground(f)
}

// writeBackgroundFile writes the file at once and whole, so that a crash leaves none that is cut.
func writeBackgroundFile(file string, b *Background) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { // statistics are no secret
		return fmt.Errorf("keep background: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".background-*")
	if err != nil {
		return fmt.Errorf("keep background: %w", err)
	}
	_, err = b.WriteTo(f)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to report
		return fmt.Errorf("keep background: %w", err)
	}
	return nil
}
