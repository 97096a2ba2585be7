package discover_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking/discover"
	"github.com/operatord/operatord/tracking/encoder"
)

const dimensions = 32

// near returns a vector of length 1 around the axis, the closer the smaller the spread.
func near(rng *rand.Rand, axis int, spread float64) []float32 {
	v := make([]float32, dimensions)
	var square float64
	for i := range v {
		x := spread * rng.NormFloat64()
		if i == axis {
			x++
		}
		v[i] = float32(x)
		square += x * x
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(square))
	}
	return v
}

// speech returns sentences about some topics, each in turn, and noise between.
func speech(topics []string, each, noise int) []discover.Sentence {
	rng := rand.New(rand.NewPCG(1, 2))
	var said []discover.Sentence
	say := func(text string, v []float32) {
		said = append(said, discover.Sentence{Text: text, Vector: v, Conversation: conversation.ID(strconv.Itoa(len(said)))})
	}
	for i := range each {
		for axis, topic := range topics {
			say(fmt.Sprintf("please %s number%c", topic, 'a'+i), near(rng, axis, 0.08))
		}
	}
	for i := range noise {
		say(fmt.Sprintf("something else altogether %c", 'a'+i), near(rng, 0, 50))
	}
	return said
}

func find(t *testing.T, said []discover.Sentence, o discover.Options) []discover.Cluster {
	t.Helper()
	clusters, err := discover.Find(said, o)
	require.NoError(t, err)
	return clusters
}

func names(clusters []discover.Cluster) []string {
	var list []string
	for _, c := range clusters {
		list = append(list, c.Name)
	}
	return list
}

func TestFindNamesWhatIsSaidOften(t *testing.T) {
	said := speech([]string{"change my delivery address", "cancel the order"}, 12, 10)
	clusters := find(t, said, discover.Options{})
	require.ElementsMatch(t, []string{"Change my delivery address", "Cancel the order"}, names(clusters))
	for _, c := range clusters {
		require.Len(t, c.Members, 12)
		require.Greater(t, c.Cohesion, 0.8)
		require.NotEmpty(t, c.Phrases)
		require.LessOrEqual(t, len(c.Phrases), 12)
		require.Equal(t, c.Phrases[0], said[c.Members[0]].Text)
		for _, i := range c.Members {
			require.Contains(t, said[i].Text, strings.ToLower(c.Name))
		}
	}
	require.Equal(t, clusters, find(t, said, discover.Options{}), "the same input gives the same clusters")
}

func TestWhatOneCustomerRepeatsIsNoCluster(t *testing.T) {
	said := speech([]string{"change my delivery address", "cancel the order"}, 8, 0)
	for i := range said {
		if strings.Contains(said[i].Text, "cancel") {
			said[i].Conversation = "one"
		}
	}
	require.Equal(t, []string{"Change my delivery address"}, names(find(t, said, discover.Options{})))
	require.Empty(t, find(t, said, discover.Options{MinSentences: 9}))
}

func TestWhatIsKnownIsNotFoundAgain(t *testing.T) {
	said := speech([]string{"change my delivery address", "cancel the order"}, 12, 0)
	all := find(t, said, discover.Options{})
	require.Len(t, all, 2)
	rest := find(t, said, discover.Options{Known: [][]float32{all[0].Centre}})
	require.Equal(t, names(all[1:]), names(rest))
	require.True(t, discover.Same(all[1].Centre, rest[0].Centre))
	require.False(t, discover.Same(all[0].Centre, all[1].Centre))
}

func TestTheSameWordsCountAsOftenAsTheyAreSaid(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var said []discover.Sentence
	for i := range 6 {
		said = append(said, discover.Sentence{Text: "Where is my parcel?", Vector: near(rng, 1, 0), Conversation: conversation.ID(strconv.Itoa(i))})
	}
	clusters := find(t, said, discover.Options{})
	require.Len(t, clusters, 1)
	require.Len(t, clusters[0].Members, 6)
	require.Equal(t, []string{"Where is my parcel?"}, []string{clusters[0].Phrases[0]})
	require.Len(t, clusters[0].Phrases, 1)
}

func TestFindStops(t *testing.T) {
	stop := errors.New("stop")
	_, err := discover.Find(speech([]string{"change my delivery address"}, 12, 0), discover.Options{Yield: func() error { return stop }})
	require.ErrorIs(t, err, stop)
	_, err = discover.Find(make([]discover.Sentence, discover.MaxSentences+1), discover.Options{})
	require.ErrorIs(t, err, conversation.ErrInvalid)
	_, err = discover.Find([]discover.Sentence{{Vector: []float32{1}}, {Vector: []float32{1, 0}}}, discover.Options{})
	require.ErrorContains(t, err, "different length")
	none, err := discover.Find(nil, discover.Options{})
	require.NoError(t, err)
	require.Empty(t, none)
}

var sets = flag.String("sets", "", "labelled sets to cluster, comma-separated: clinc150.tsv,banking77.tsv")

// BenchmarkSets prints how pure the clusters of the test sentences of labelled sets are:
//
//	go test ./tracking/discover -run - -bench Sets -benchtime 1x -sets clinc150.tsv,banking77.tsv
func BenchmarkSets(b *testing.B) {
	if *sets == "" {
		b.Skip("no sets were given; name some with -sets")
	}
	e, err := encoder.Open("../../weights/all-MiniLM-L6-v2.q8_0.gguf", encoder.Options{Contexts: 2})
	require.NoError(b, err)
	defer e.Close()
	for path := range strings.SplitSeq(*sets, ",") {
		said, labels := readSet(b, e, path)
		for b.Loop() {
			clusters, err := discover.Find(said, discover.Options{MaxClusters: len(said)})
			require.NoError(b, err)
			report(b, path, clusters, labels)
		}
	}
}

func readSet(b *testing.B, e *encoder.Encoder, path string) (said []discover.Sentence, labels []string) {
	b.Helper()
	file, err := os.Open(path)
	require.NoError(b, err)
	defer file.Close()
	var texts []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if cells := strings.Split(lines.Text(), "\t"); cells[0] == "test" {
			labels, texts = append(labels, cells[1]), append(texts, cells[2])
		}
	}
	vectors, err := e.Embed(b.Context(), texts)
	require.NoError(b, err)
	for i, text := range texts {
		said = append(said, discover.Sentence{Text: text, Vector: vectors[i], Conversation: conversation.ID(strconv.Itoa(i))})
	}
	return said, labels
}

// report prints the share of sentences in a cluster that have its most frequent label, the share of labelled sentences that are
// in a cluster, and how many labels are the most frequent one of some cluster. Sentences labelled oos belong to nothing.
func report(b *testing.B, path string, clusters []discover.Cluster, labels []string) {
	b.Helper()
	const none = "oos"
	clustered, pure, noise := 0, 0, 0
	found := map[string]bool{}
	for _, c := range clusters {
		count := map[string]int{}
		for _, i := range c.Members {
			count[labels[i]]++
		}
		best := ""
		for label, n := range count {
			if best == "" || n > count[best] {
				best = label
			}
		}
		clustered, pure, noise = clustered+len(c.Members), pure+count[best], noise+count[none]
		found[best] = true
	}
	delete(found, none)
	all := slices.Compact(slices.Sorted(slices.Values(labels)))
	meant := len(slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return l == none }))
	b.Logf("%s: %d sentences, %d clusters, purity %.3f, coverage %.3f, labels found %d of %d, %d out of scope in clusters", path,
		len(labels), len(clusters), float64(pure)/float64(clustered), float64(clustered-noise)/float64(meant), len(found),
		len(slices.DeleteFunc(all, func(l string) bool { return l == none })), noise)
}
