package vectors_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/operatord/operatord/tracking/vectors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func randomUnit(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	var square float64
	for i := range v {
		v[i] = float32(rng.NormFloat64())
		square += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(square))
	}
	return v
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestPackKeepsSimilarities(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		a, b := randomUnit(rng, 384), randomUnit(rng, 384)
		packed, err := vectors.Unpack(vectors.Pack(a))
		require.NoError(t, err)
		require.InDelta(t, dot(a, b), dot(packed, b), 1e-4)
		require.InDelta(t, 1, dot(packed, packed), 1e-4)
	}
	zero, err := vectors.Unpack(vectors.Pack(make([]float32, 3)))
	require.NoError(t, err)
	require.Equal(t, make([]float32, 3), zero)
}

func FuzzUnpack(f *testing.F) {
	f.Add(vectors.Pack([]float32{0.5, -1, 0}))
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{0, 0, 0xc0, 0x7f, 1, 0})
	f.Fuzz(func(t *testing.T, packed []byte) {
		v, err := vectors.Unpack(packed)
		for _, x := range v {
			if err != nil || math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("%v %v", v, err)
			}
		}
	})
}

// lengthEncoder encodes a text as its length and counts what it was asked.
type lengthEncoder struct {
	mu    sync.Mutex
	asked []string
	err   error
	takes time.Duration
}

func (e *lengthEncoder) Name() string    { return "length" }
func (e *lengthEncoder) Dimensions() int { return 1 }

func (e *lengthEncoder) Embed(_ context.Context, texts []string) ([][]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	e.asked = append(e.asked, texts...)
	time.Sleep(e.takes)
	found := make([][]float32, len(texts))
	for i, text := range texts {
		found[i] = []float32{float32(len(text))}
	}
	return found, nil
}

func (e *lengthEncoder) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

// table is a vectors.Table in memory.
type table struct {
	mu    sync.Mutex
	kept  map[vectors.Key][]float32
	reads int
	err   error
	block chan struct{} // SaveVectors waits until it is closed
}

func newTable() *table { return &table{kept: map[vectors.Key][]float32{}} }

func (t *table) Vectors(_ context.Context, _ string, keys []vectors.Key) (map[vectors.Key][]float32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads++
	found := map[vectors.Key][]float32{}
	for _, key := range keys {
		if v := t.kept[key]; v != nil {
			found[key] = v
		}
	}
	return found, t.err
}

func (t *table) SaveVectors(_ context.Context, _ string, added map[vectors.Key][]float32) error {
	if t.block != nil {
		<-t.block
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.kept, added)
	return t.err
}

func (t *table) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.kept)
}

func newCache(t *testing.T, o vectors.CacheOptions) *vectors.Cache {
	t.Helper()
	c, err := vectors.NewCache(o)
	require.NoError(t, err)
	return c
}

func TestCacheEncodesATextOnce(t *testing.T) {
	e, kept := &lengthEncoder{}, newTable()
	texts := []string{"one", "three", "one", "fifteen letters"}
	want := [][]float32{{3}, {5}, {3}, {15}}
	got, err := newCache(t, vectors.CacheOptions{Encoder: e, Table: kept}).Embed(t.Context(), texts)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, 3, e.count())

	c := newCache(t, vectors.CacheOptions{Encoder: e, Table: kept, Memory: 100})
	for range 3 {
		got, err = c.Embed(t.Context(), texts)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, 3, e.count(), "the table has them")
	require.Equal(t, 2, kept.reads, "and then the memory")
}

func TestCacheForgetsWhatIsTooMuch(t *testing.T) {
	e, kept := &lengthEncoder{}, newTable()
	c := newCache(t, vectors.CacheOptions{Encoder: e, Table: kept, Memory: 4})
	for range 2 {
		for _, text := range []string{"a", "bb", "ccc", "dddd", "eeeee", "ffffff"} {
			_, err := c.Embed(t.Context(), []string{text})
			require.NoError(t, err)
		}
	}
	require.Equal(t, 6, e.count())
	require.Greater(t, kept.reads, 6)
}

func TestCacheIgnoresVectorsOfAnotherShape(t *testing.T) {
	e, kept := &lengthEncoder{}, newTable()
	kept.kept[vectors.KeyOf("one")] = []float32{1, 2, 3}
	got, err := newCache(t, vectors.CacheOptions{Encoder: e, Table: kept}).Embed(t.Context(), []string{"one"})
	require.NoError(t, err)
	require.Equal(t, [][]float32{{3}}, got)
}

func TestCacheKeepsItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &lengthEncoder{takes: time.Second}
		c := newCache(t, vectors.CacheOptions{Encoder: e, Table: newTable(), Share: 0.25})
		started := time.Now()
		_, err := c.Embed(t.Context(), []string{"one"})
		require.NoError(t, err)
		require.Equal(t, 4*time.Second, time.Since(started))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err = c.Embed(ctx, []string{"two"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = c.Embed(t.Context(), []string{"two"})
		require.NoError(t, err)
		require.Equal(t, 2, e.count(), "what was encoded is kept")
	})
}

func TestCacheReportsErrors(t *testing.T) {
	broken := errors.New("broken")
	_, err := newCache(t, vectors.CacheOptions{Encoder: &lengthEncoder{err: broken}, Table: newTable()}).Embed(t.Context(), []string{"one"})
	require.ErrorIs(t, err, broken)
	away := newTable()
	away.err = broken
	_, err = newCache(t, vectors.CacheOptions{Encoder: &lengthEncoder{}, Table: away}).Embed(t.Context(), []string{"one"})
	require.ErrorIs(t, err, broken)
	for _, o := range []vectors.CacheOptions{{}, {Encoder: &lengthEncoder{}, Table: away, Share: 2}} {
		_, err = vectors.NewCache(o)
		require.Error(t, err)
	}
}

func TestKeeperStoresWhatIsEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := newTable()
		k, err := vectors.NewKeeper(vectors.KeeperOptions{Encoder: &lengthEncoder{}, Table: kept})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.Run(ctx) }()
		got, err := k.Embed(t.Context(), []string{"one", "three"})
		require.NoError(t, err)
		require.Equal(t, [][]float32{{3}, {5}}, got)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Equal(t, 2, kept.count())
		_, err = k.Embed(t.Context(), []string{"late"})
		require.NoError(t, err)
		synctest.Wait()
		stop()
		require.NoError(t, <-ended)
		require.Equal(t, 3, kept.count(), "the end does not lose what was collected")
	})
}

func TestKeeperNeverWaitsForTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, registry := newTable(), prometheus.NewPedanticRegistry()
		kept.block = make(chan struct{})
		k, err := vectors.NewKeeper(vectors.KeeperOptions{Encoder: &lengthEncoder{}, Table: kept, Registerer: registry})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.Run(ctx) }()
		started := time.Now()
		for range 2000 {
			_, err := k.Embed(t.Context(), []string{"one"})
			require.NoError(t, err)
		}
		require.Equal(t, started, time.Now())
		families, err := registry.Gather()
		require.NoError(t, err)
		require.Positive(t, families[0].GetMetric()[0].GetCounter().GetValue())
		close(kept.block)
		stop()
		require.NoError(t, <-ended)
	})
}
