package asrtest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-audio/wav"
)

// Call is a recorded two-party test call and what is said in it.
type Call struct {
	Name          string
	Caller, Agent []int16 // at asr.SampleRate
	Turns         []Turn
}

// Turn is one thing said in a Call.
type Turn struct {
	Role       string  `json:"role"` // caller or agent
	Start, End float64 // seconds
	Text       string
}

// Channel returns the audio of a side: caller or agent.
func (c Call) Channel(role string) []int16 {
	if role == "agent" {
		return c.Agent
	}
	return c.Caller
}

// Text returns everything a side says.
func (c Call) Text(role string) string {
	var said []string
	for _, t := range c.Turns {
		if t.Role == role {
			said = append(said, t.Text)
		}
	}
	return strings.Join(said, " ")
}

// LoadCalls reads every call of a folder: stereo WAV files of 8 kHz, caller left and agent right, each with a JSON file.
func LoadCalls(dir string) ([]Call, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, os.ErrNotExist)
	}
	calls := make([]Call, 0, len(files))
	for _, file := range files {
		call, err := loadCall(file)
		if err != nil {
			return nil, fmt.Errorf("load call %s: %w", file, err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

func loadCall(file string) (Call, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Call{}, err
	}
	var script struct {
		Turns []struct {
			Role  string  `json:"role"`
			Start float64 `json:"start_s"`
			End   float64 `json:"end_s"`
			Text  string  `json:"text"`
		} `json:"turns"`
	}
	if err := json.Unmarshal(data, &script); err != nil {
		return Call{}, err
	}
	base := strings.TrimSuffix(file, ".json")
	call := Call{Name: filepath.Base(base)}
	for _, t := range script.Turns {
		call.Turns = append(call.Turns, Turn(t))
	}
	call.Caller, call.Agent, err = loadStereo(base + ".wav")
	return call, err
}

// loadStereo returns both channels of an 8 kHz recording at 16 kHz.
func loadStereo(path string) (left, right []int16, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // only read
	pcm, err := wav.NewDecoder(f).FullPCMBuffer()
	if err != nil {
		return nil, nil, err
	}
	if pcm.Format.NumChannels != 2 || pcm.Format.SampleRate != 8000 || pcm.SourceBitDepth != 16 {
		return nil, nil, fmt.Errorf("%d channels of %d bits at %d Hz, not 2 of 16 at 8000", pcm.Format.NumChannels,
			pcm.SourceBitDepth, pcm.Format.SampleRate)
	}
	return double(pcm.Data), double(pcm.Data[1:]), nil
}

// double returns every second value of interleaved at twice the rate, the new samples interpolated by a windowed sinc of
// 32 points.
func double(interleaved []int) []int16 {
	const taps = 32
	var kernel [taps]float64
	for k := range kernel {
		x := float64(k) - taps/2 + 0.5
		kernel[k] = math.Sin(math.Pi*x) / (math.Pi * x) * (0.5 + 0.5*math.Cos(2*math.Pi*x/(taps+1)))
	}
	n := (len(interleaved) + 1) / 2
	out := make([]int16, 2*n)
	for i := range n {
		out[2*i] = int16(interleaved[2*i])
		var sum float64
		for k, weight := range kernel {
			if j := i + k - taps/2 + 1; j >= 0 && j < n {
				sum += weight * float64(interleaved[2*j])
			}
		}
		out[2*i+1] = int16(math.Max(math.MinInt16, math.Min(math.MaxInt16, math.Round(sum))))
	}
	return out
}
