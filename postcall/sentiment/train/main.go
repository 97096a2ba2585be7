// Command train makes the weights of package sentiment: it embeds rated sentences with the bundled encoder, fits a ridge
// regression on their vectors and lexicon valences, and writes head.json. The README of package sentiment says how to run it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/operatord/operatord/postcall/sentiment"
	"github.com/operatord/operatord/tracking/encoder"
)

// take is how many sentences of each source are used. Tweets and product reviews are closest to how people talk on the
// phone; film reviews and editorials add variety.
func take() map[string]int {
	return map[string]int{"tweets": 3000, "amazonReviewSnippets": 3000, "movieReviewSnippets": 1000, "nytEditorialSnippets": 500}
}

// heldOut is the share of the sentences that chooses the ridge and measures the fit.
const heldOut = 0.2

// maxRating is the end of the scale people rated on.
const maxRating = 4.0

// example is one rated sentence with its features: the vector, the valence, and 1.
type example struct {
	text     string
	rating   float64 // -1 to 1
	features []float64
}

func main() {
	ratings := flag.String("ratings", "", "tab-separated file: source, mean rating from -4 to 4, text")
	model := flag.String("model", "weights/all-MiniLM-L6-v2.q8_0.gguf", "sentence encoder")
	out := flag.String("out", "postcall/sentiment/head.json", "file to write")
	flag.Parse()
	if err := run(*ratings, *model, *out); err != nil {
		log.Fatal(err)
	}
}

func run(ratings, model, out string) error {
	examples, err := read(ratings)
	if err != nil {
		return err
	}
	enc, err := encoder.Open(model, encoder.Options{})
	if err != nil {
		return err
	}
	defer enc.Close()
	if err := embed(context.Background(), enc, examples); err != nil {
		return err
	}
	weights, err := fitBest(examples)
	if err != nil {
		return err
	}
	alone, err := fit(project(examples, len(weights)-2), 0)
	if err != nil {
		return err
	}
	return write(out, enc.Name(), weights, alone)
}

// read returns the sentences to use in a fixed random order.
func read(path string) ([]example, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bySource := map[string][]example{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		columns := strings.SplitN(scanner.Text(), "\t", 3)
		if len(columns) != 3 {
			continue
		}
		if rating, err := strconv.ParseFloat(columns[1], 64); err == nil {
			bySource[columns[0]] = append(bySource[columns[0]], example{text: columns[2], rating: rating / maxRating})
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	var examples []example
	for _, source := range []string{"tweets", "amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets"} {
		all := bySource[source]
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		examples = append(examples, all[:min(len(all), take()[source])]...)
	}
	random.Shuffle(len(examples), func(i, j int) { examples[i], examples[j] = examples[j], examples[i] })
	if len(examples) == 0 {
		return nil, fmt.Errorf("%s holds no rated sentence", path)
	}
	return examples, nil
}

func embed(ctx context.Context, enc *encoder.Encoder, examples []example) error {
	const batch = 64
	for start := 0; start < len(examples); start += batch {
		part := examples[start:min(start+batch, len(examples))]
		texts := make([]string, len(part))
		for i, e := range part {
			texts[i] = e.text
		}
		vectors, err := enc.Embed(ctx, texts)
		if err != nil {
			return err
		}
		for i, vector := range vectors {
			features := make([]float64, 0, len(vector)+2)
			for _, v := range vector {
				features = append(features, float64(v))
			}
			features = append(features, sentiment.Valence(part[i].text), 1)
			part[i].features = features
		}
	}
	return nil
}

// project keeps the features from the given one on.
func project(examples []example, from int) []example {
	kept := make([]example, len(examples))
	for i, e := range examples {
		kept[i] = example{rating: e.rating, features: e.features[from:]}
	}
	return kept
}

// fitBest chooses the ridge on held-out sentences, reports the fit there, and fits all sentences with it.
func fitBest(examples []example) ([]float64, error) {
	split := int(float64(len(examples)) * (1 - heldOut))
	bestRidge, bestR := 0.0, math.Inf(-1)
	for _, ridge := range []float64{0.1, 0.3, 1, 3, 10, 30} {
		weights, err := fit(examples[:split], ridge)
		if err != nil {
			return nil, err
		}
		r := correlation(examples[split:], weights)
		log.Printf("ridge %5.1f: correlation with held-out ratings %.4f", ridge, r)
		if r > bestR {
			bestRidge, bestR = ridge, r
		}
	}
	last := len(examples[0].features) - 2
	alone, err := fit(project(examples[:split], last), 0)
	if err != nil {
		return nil, err
	}
	log.Printf("lexicon alone: %.4f", correlation(project(examples[split:], last), alone))
	return fit(examples, bestRidge)
}

// fit solves (XᵀX + ridge·I) w = Xᵀy; the ridge leaves out the bias.
func fit(examples []example, ridge float64) ([]float64, error) {
	n := len(examples[0].features)
	scatter := mat.NewSymDense(n, nil)
	target := mat.NewVecDense(n, nil)
	for _, e := range examples {
		x := mat.NewVecDense(n, e.features)
		scatter.SymRankOne(scatter, 1, x)
		target.AddScaledVec(target, e.rating, x)
	}
	for i := range n - 1 {
		scatter.SetSym(i, i, scatter.At(i, i)+ridge)
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(scatter) {
		return nil, fmt.Errorf("the ridge %g is too small", ridge)
	}
	var weights mat.VecDense
	if err := cholesky.SolveVecTo(&weights, target); err != nil {
		return nil, err
	}
	return weights.RawVector().Data, nil
}

// correlation returns Pearson's r between ratings and predictions.
func correlation(examples []example, weights []float64) float64 {
	var sx, sy, sxx, syy, sxy float64
	for _, e := range examples {
		x := mat.Dot(mat.NewVecDense(len(weights), weights), mat.NewVecDense(len(e.features), e.features))
		y := e.rating
		sx, sy, sxx, syy, sxy = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y
	}
	n := float64(len(examples))
	return (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}

func write(path, encoderName string, weights, alone []float64) error {
	dimensions := len(weights) - 2
	head := sentiment.Head{
		Encoder: encoderName, Valence: weights[dimensions], Bias: weights[dimensions+1],
		Alone: sentiment.Line{Valence: alone[0], Bias: alone[1]},
	}
	for _, w := range weights[:dimensions] {
		head.Weights = append(head.Weights, float32(math.Round(w*1e5)/1e5))
	}
	data, err := json.Marshal(head)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
