package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// firstNumber is the number the first sample call dials; each further one dials the next.
const firstNumber = 2001

// sample is one recorded call with what should be found in it: the caller is its left channel, the agent its right.
type sample struct {
	Name              string
	Number            string // what the caller dials
	WAV               string // absolute path
	Seconds           float64
	ExpectedTrackers  []string `json:"expected_trackers"`
	ExpectedSentiment string   `json:"expected_sentiment"`
	Turns             []struct {
		Role, Text string
	}
}

// loadSamples reads every sample call of a folder, in the order of their names.
func loadSamples(dir string) ([]sample, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no sample calls in %s", dir)
	}
	samples := make([]sample, len(files))
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &samples[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		base := strings.TrimSuffix(file, ".json")
		if samples[i].WAV, err = filepath.Abs(base + ".wav"); err != nil {
			return nil, err
		}
		samples[i].Name, samples[i].Number = filepath.Base(base), strconv.Itoa(firstNumber+i)
	}
	return samples, nil
}
