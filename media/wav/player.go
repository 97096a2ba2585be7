package wav

// Player reads one channel of a WAV file as 16 kHz frames.
type Player struct{}

// Open opens a 16-bit PCM file and selects a channel, counted from 0.
func Open(path string, channel int) (*Player, error) { return &Player{}, nil }

// ReadFrame fills dst[:media.FrameSamples]. It returns how many samples come from the file, the rest being silence,
// and io.EOF with n = 0 at the end.
func (p *Player) ReadFrame(dst []int16) (n int, err error) { return 0, nil }

// Close closes the file.
func (p *Player) Close() error { return nil }
