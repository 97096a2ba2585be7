package tracking

type compiled struct{ literal *literalIndex }

type literalIndex struct{}

func newLiteralIndex() *literalIndex { return &literalIndex{} }

func compile(trackers []Tracker, vectors map[string][]float32, b *Background) (*compiled, error) {
	return &compiled{}, nil
}
