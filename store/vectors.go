package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/operatord/operatord/tracking/vectors"
)

type vectorRow struct {
	bun.BaseModel `bun:"table:sentence_vectors"`

	ID      int64 `bun:",pk,autoincrement"`
	Encoder string
	Digest  []byte
	Vector  []byte
}

const (
	// maxVectors is how many vectors are kept: some 170 MB for an encoder of 384 dimensions. Beyond it the oldest go.
	maxVectors = 200_000
	// keysAtOnce and vectorsAtOnce bound the length of one statement.
	keysAtOnce    = 500
	vectorsAtOnce = 100
)

// Vectors implements vectors.Table.
func (s *Store) Vectors(ctx context.Context, encoder string, keys []vectors.Key) (map[vectors.Key][]float32, error) {
	known := make(map[vectors.Key][]float32, len(keys))
	for len(keys) > 0 {
		part := keys[:min(keysAtOnce, len(keys))]
		keys = keys[len(part):]
		digests := make([][]byte, len(part))
		for i := range part {
			digests[i] = part[i][:]
		}
		var rows []vectorRow
		err := s.db.Reader().NewSelect().Model(&rows).Column("digest", "vector").
			Where("encoder = ? AND digest IN (?)", column(encoder), bun.List(digests)).Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("read vectors: %w", err)
		}
		for _, row := range rows {
			v, err := vectors.Unpack(row.Vector)
			if err != nil || len(row.Digest) != len(vectors.Key{}) {
				continue // it is computed again
			}
			known[vectors.Key(row.Digest)] = v
		}
	}
	return known, nil
}

// SaveVectors implements vectors.Table.
func (s *Store) SaveVectors(ctx context.Context, encoder string, added map[vectors.Key][]float32) error {
	if len(added) == 0 {
		return nil
	}
	rows := make([]vectorRow, 0, len(added))
	for key, v := range added {
		rows = append(rows, vectorRow{Encoder: column(encoder), Digest: key[:], Vector: vectors.Pack(v)})
	}
	err := s.db.Writer().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for part := range slices.Chunk(rows, vectorsAtOnce) {
			_, err := tx.NewInsert().Model(&part).On("CONFLICT (encoder, digest) DO NOTHING").Returning("NULL").Exec(ctx)
			if err != nil {
				return err
			}
		}
		_, err := tx.NewDelete().Model((*vectorRow)(nil)).
			Where("id <= (SELECT max(id) FROM sentence_vectors) - ?", maxVectors).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("save vectors: %w", err)
	}
	return nil
}
