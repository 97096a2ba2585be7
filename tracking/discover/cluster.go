package discover

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/operatord/operatord/conversation"
)

// The thresholds are cosines, chosen on the test sentences of CLINC150 (docs/recommendations.md).
const (
	// linked is the least mean cosine between the sentences of two clusters that become one.
	linked = 0.55
	// belongs is the least cosine with the centre of a cluster of a sentence that comes to it afterwards.
	belongs = 0.60
	// settled is the cosine with a known centre from which a sentence needs no finding any more.
	settled = 0.70
	// same is the cosine of two centres from which they stand for the same thing.
	same = 0.80
)

// Defaults of Options.
const (
	DefaultMinSentences     = 5
	DefaultMinConversations = 3
	DefaultMaxClusters      = 50
)

// MaxSentences is how many sentences Find takes. Its time grows with the square of their number: some ten seconds of one core
// for that many.
const MaxSentences = 10_000

// Sentence is one thing a customer said.
type Sentence struct {
	Text         string
	Vector       []float32 // of length 1; all of the same encoder
	Conversation conversation.ID
}

// Options configures Find. A zero number means the default of the same name.
type Options struct {
	MinSentences     int // of a cluster
	MinConversations int // that a cluster must come from: what one customer says many times is no cluster
	MaxClusters      int // the largest are returned
	// Known are centres (see Centre) of what needs no finding any more. Sentences near to one are left out, and so
	// are clusters that stand for the same.
	Known [][]float32
	// Yield is called every few milliseconds of work; an error ends the work and is returned. It may wait. nil goes on.
	Yield func() error
}

// Cluster is something that several customers said.
type Cluster struct {
	Name    string   // a few words that are typical of it, unlike those of the other clusters
	Phrases []string // typical sentences, each different from the others; the most typical first
	Members []int    // positions of its sentences, the most typical first
	Centre  []float32
	// Cohesion is the mean cosine of the sentences with the centre.
	Cohesion float64
}

// Centre returns the direction of the mean of some vectors: the centre of the cluster that they are typical of.
func Centre(vectors [][]float32) []float32 {
	if len(vectors) == 0 {
		return nil
	}
	sum := make([]float32, len(vectors[0]))
	for _, v := range vectors {
		add(sum, v, 1)
	}
	return unit(sum)
}

// Same reports whether two centres stand for the same thing.
func Same(a, b []float32) bool { return len(a) == len(b) && dot(a, b) >= same }

// Find returns the clusters of the sentences, those with the most sentences first. The same input gives the same clusters.
func Find(sentences []Sentence, o Options) ([]Cluster, error) {
	o.setDefaults()
	if len(sentences) > MaxSentences {
		return nil, fmt.Errorf("%w: %d sentences are more than %d", conversation.ErrInvalid, len(sentences), MaxSentences)
	}
	points, err := pointsOf(sentences, o.Known)
	if err != nil {
		return nil, err
	}
	links, err := linksOf(points, o.Yield)
	if err != nil {
		return nil, err
	}
	groups, err := agglomerate(points, links, o.Yield)
	if err != nil {
		return nil, err
	}
	return o.describe(sentences, adopt(points, groups, o)), nil
}

func (o *Options) setDefaults() {
	o.MinSentences = cmp.Or(o.MinSentences, DefaultMinSentences)
	o.MinConversations = cmp.Or(o.MinConversations, DefaultMinConversations)
	o.MaxClusters = cmp.Or(o.MaxClusters, DefaultMaxClusters)
	if o.Yield == nil {
		o.Yield = func() error { return nil }
	}
}

// point is a text, however often it was said.
type point struct {
	vector    []float32
	sentences []int
}

// pointsOf returns the texts to cluster in the order of their first sentence.
func pointsOf(sentences []Sentence, known [][]float32) ([]point, error) {
	var points []point
	byText := map[string]int{}
	for i, s := range sentences {
		if len(s.Vector) == 0 || len(s.Vector) != len(sentences[0].Vector) {
			return nil, errors.New("cluster sentences: vectors of different length")
		}
		if slices.ContainsFunc(known, func(c []float32) bool { return len(c) == len(s.Vector) && dot(c, s.Vector) >= settled }) {
			continue
		}
		key := fmt.Sprint(Words(s.Text))
		at, seen := byText[key]
		if !seen {
			at = len(points)
			byText[key] = at
			points = append(points, point{vector: s.Vector})
		}
		points[at].sentences = append(points[at].sentences, i)
	}
	return points, nil
}

// group is a set of points.
type group struct {
	points    []int
	sum       []float32 // of the vectors of all sentences
	sentences int
}

// adopt gives the points that are in no large group to the one they belong to, and returns the groups that count.
func adopt(points []point, groups []group, o Options) []group {
	var large []group
	var loose []int
	for _, g := range groups {
		if g.sentences >= o.MinSentences {
			large = append(large, g)
		} else {
			loose = append(loose, g.points...)
		}
	}
	centres := make([][]float32, len(large))
	for i, g := range large {
		centres[i] = unit(slices.Clone(g.sum))
	}
	slices.Sort(loose)
	for _, p := range loose {
		best, home := float32(belongs), -1
		for i, c := range centres {
			if s := dot(c, points[p].vector); s >= best {
				best, home = s, i
			}
		}
		if home >= 0 {
			large[home].take(p, points[p])
		}
	}
	for i := range large {
		large[i].flatten(points)
	}
	return large
}

func (g *group) take(at int, p point) {
	g.points = append(g.points, at)
	g.sum = slices.Clone(g.sum)
	add(g.sum, p.vector, float32(len(p.sentences)))
	g.sentences += len(p.sentences)
}

// flatten replaces the points of g by their sentences.
func (g *group) flatten(points []point) {
	var sentences []int
	for _, p := range g.points {
		sentences = append(sentences, points[p].sentences...)
	}
	slices.Sort(sentences)
	g.points = sentences
}

func dot(a, b []float32) float32 { return blas32.Implementation().Sdot(len(a), a, 1, b, 1) }

// add adds weight times v to sum.
func add(sum, v []float32, weight float32) {
	blas32.Implementation().Saxpy(len(v), weight, v, 1, sum, 1)
}

// unit scales v to length 1, in place.
func unit(v []float32) []float32 {
	if length := math.Sqrt(float64(dot(v, v))); length > 0 {
		blas32.Implementation().Sscal(len(v), float32(1/length), v, 1)
	}
	return v
}
