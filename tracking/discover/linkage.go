package discover

import (
	"cmp"
	"container/heap"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

const (
	// neighbours is how many links to others a point keeps. More change little and cost memory.
	neighbours = 20
	// leastLink is below linked, since the mean over two clusters may be above the links that lead from one to the other.
	leastLink = 0.40
	// tile is how many points are compared with as many others at once: a product of matrices so small stays on one core.
	tile = 64
	// mergesPerYield is about a millisecond of merging.
	mergesPerYield = 16
)

// link is the similarity of two points or groups, a before b.
type link struct {
	a, b       int
	similarity float32
}

// linksOf returns, for every point, links to its nearest neighbours.
func linksOf(points []point, yield func() error) ([]link, error) {
	if len(points) == 0 {
		return nil, nil
	}
	n, d := len(points), len(points[0].vector)
	vectors := make([]float32, 0, n*d)
	for _, p := range points {
		vectors = append(vectors, p.vector...)
	}
	near := make([][]link, n)
	product := make([]float32, tile*tile)
	for top := 0; top < n; top += tile {
		rows := min(tile, n-top)
		for left := top; left < n; left += tile {
			columns := min(tile, n-left)
			blas32.Implementation().Sgemm(blas.NoTrans, blas.Trans, rows, columns, d, 1,
				vectors[top*d:], d, vectors[left*d:], d, 0, product, tile)
			nearest(near, product, top, left, rows, columns)
			if err := yield(); err != nil {
				return nil, err
			}
		}
	}
	return unique(near), nil
}

// nearest brings the neighbours of the points of one tile up to date.
func nearest(near [][]link, product []float32, top, left, rows, columns int) {
	for i := range rows {
		for j, s := range product[i*tile : i*tile+columns] {
			a, b := top+i, left+j
			if a >= b || s < leastLink {
				continue
			}
			near[a] = insert(near[a], link{a, b, s})
			near[b] = insert(near[b], link{a, b, s})
		}
	}
}

// insert keeps the best links, sorted.
func insert(links []link, l link) []link {
	if len(links) == neighbours && before(links[neighbours-1], l) < 0 {
		return links
	}
	at, _ := slices.BinarySearchFunc(links, l, before)
	links = slices.Insert(links, at, l)
	return links[:min(len(links), neighbours)]
}

// before orders links: the most similar first, and where they are equal, those of the earlier points.
func before(x, y link) int {
	return cmp.Or(cmp.Compare(y.similarity, x.similarity), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
}

func unique(near [][]link) []link {
	links := slices.Concat(near...)
	slices.SortFunc(links, before)
	return slices.Compact(links)
}

// linkHeap is a heap of links, the most similar on top.
type linkHeap []link

func (h *linkHeap) Len() int           { return len(*h) }
func (h *linkHeap) Less(i, j int) bool { return before((*h)[i], (*h)[j]) < 0 }
func (h *linkHeap) Swap(i, j int)      { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }
func (h *linkHeap) Push(x any)         { *h = append(*h, x.(link)) } // only links are pushed
func (h *linkHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// dendrogram is the state of the merging: groups by number, the first of which are the points.
type dendrogram struct {
	groups []group        // one without points was merged into a later one
	linked []map[int]bool // numbers of the groups that a link leads to
	heap   linkHeap
}

// agglomerate merges groups that links connect, the most similar first, as long as the mean cosine between the sentences of
// two groups is high enough (average linkage; Sokal and Michener 1958). Since a mean of dot products is the dot product of
// the means, a group needs only the sum of its vectors.
func agglomerate(points []point, links []link, yield func() error) ([]group, error) {
	d := &dendrogram{groups: make([]group, len(points)), linked: make([]map[int]bool, len(points)), heap: links}
	for i, p := range points {
		sum := make([]float32, len(p.vector))
		add(sum, p.vector, float32(len(p.sentences)))
		d.groups[i] = group{points: []int{i}, sum: sum, sentences: len(p.sentences)}
		d.linked[i] = map[int]bool{}
	}
	for _, l := range links {
		d.linked[l.a][l.b], d.linked[l.b][l.a] = true, true
	}
	heap.Init(&d.heap)
	for merges := 0; d.heap.Len() > 0; {
		best := heap.Pop(&d.heap).(link) // only links are pushed
		if best.similarity < linked {
			break
		}
		if len(d.groups[best.a].points) == 0 || len(d.groups[best.b].points) == 0 {
			continue
		}
		d.merge(best.a, best.b)
		if merges++; merges%mergesPerYield == 0 {
			if err := yield(); err != nil {
				return nil, err
			}
		}
	}
	return slices.DeleteFunc(d.groups, func(g group) bool { return len(g.points) == 0 }), nil
}

// merge makes one group of two, which has the links of both.
func (d *dendrogram) merge(a, b int) {
	at := len(d.groups)
	merged := group{
		points: slices.Concat(d.groups[a].points, d.groups[b].points), sum: d.groups[a].sum,
		sentences: d.groups[a].sentences + d.groups[b].sentences,
	}
	add(merged.sum, d.groups[b].sum, 1)
	others := map[int]bool{}
	for _, part := range []int{a, b} {
		for other := range d.linked[part] {
			if other != a && other != b && len(d.groups[other].points) > 0 {
				others[other] = true
			}
		}
		d.groups[part], d.linked[part] = group{}, nil
	}
	d.groups, d.linked = append(d.groups, merged), append(d.linked, others)
	for other := range others {
		g := d.groups[other]
		delete(d.linked[other], a)
		delete(d.linked[other], b)
		d.linked[other][at] = true
		mean := dot(merged.sum, g.sum) / float32(merged.sentences) / float32(g.sentences)
		if mean >= linked {
			heap.Push(&d.heap, link{other, at, mean})
		}
	}
}
