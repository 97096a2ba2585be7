package webhook

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/operatord/operatord/conversation"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationTable keeps this package's schema version apart from those of others in the same database.
const migrationTable = "webhook_migration"

// maxDeliveries bounds what Deliveries returns.
const maxDeliveries = 1000

// State is what became of a delivery.
type State string

// The states of a delivery. The last two are final.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	GivenUp   State = "given_up"
)

// Delivery is the record of one event on its way to one endpoint.
type Delivery struct {
	ID             int64                  `json:"id"`
	Endpoint       string                 `json:"endpoint"`
	ConversationID conversation.ID        `json:"conversation_id"`
	Seq            int64                  `json:"seq"` // of the event
	EventType      conversation.EventType `json:"event_type"`
	WebhookID      string                 `json:"webhook_id"`
	State          State                  `json:"state"`
	Attempts       int                    `json:"attempts"`
	StatusCode     int                    `json:"status_code,omitempty"` // of the last response; 0 when there was none
	Error          string                 `json:"error,omitempty"`       // of the last attempt
	CreatedAt      time.Time              `json:"created_at"`
	NextAttemptAt  *time.Time             `json:"next_attempt_at,omitempty"` // while pending; it may have to wait for an earlier one
	SettledAt      *time.Time             `json:"settled_at,omitempty"`

	payload []byte
}

// Migrate brings the tables of this package in db up to date. It is idempotent.
func Migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read webhook migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithTableName(migrationTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("prepare webhook migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate webhook tables: %w", err)
	}
	return nil
}

// Deliveries returns what was sent, or is to be sent, of a conversation's events, oldest first.
func (s *Sender) Deliveries(ctx context.Context, id conversation.ID) ([]Delivery, error) {
	rows, err := s.db.QueryContext(ctx, selectDelivery+` WHERE conversation_id = ? ORDER BY id LIMIT ?`, id, maxDeliveries)
	if err != nil {
		return nil, fmt.Errorf("read webhook deliveries of %s: %w", id, err)
	}
	defer rows.Close()
	var deliveries []Delivery
	for rows.Next() {
		d, err := scanDelivery(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read webhook deliveries of %s: %w", id, err)
		}
		deliveries = append(deliveries, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read webhook deliveries of %s: %w", id, err)
	}
	return deliveries, nil
}

const selectDelivery = `SELECT id, endpoint, conversation_id, seq, event_type, webhook_id, payload, state, attempts,
	status_code, error, created_at, next_attempt_at, settled_at FROM webhook_delivery`

func scanDelivery(scan func(...any) error) (Delivery, error) {
	var d Delivery
	var created, next, settled int64
	err := scan(&d.ID, &d.Endpoint, &d.ConversationID, &d.Seq, &d.EventType, &d.WebhookID, &d.payload, &d.State, &d.Attempts,
		&d.StatusCode, &d.Error, &created, &next, &settled)
	d.CreatedAt = time.UnixMilli(created).UTC()
	at := time.UnixMilli(next).UTC()
	if d.State == Pending {
		d.NextAttemptAt = &at
	} else {
		at = time.UnixMilli(settled).UTC()
		d.SettledAt = &at
	}
	return d, err
}

// pendingTx reports whether a lane holds pending deliveries.
func pendingTx(ctx context.Context, tx *sql.Tx, lane laneArgs) (bool, error) {
	const query = `SELECT EXISTS (SELECT 1 FROM webhook_delivery WHERE conversation_id = ? AND endpoint = ? AND state = 'pending')`
	var pending bool
	err := tx.QueryRowContext(ctx, query, lane.ConversationID, lane.Endpoint).Scan(&pending)
	if err != nil {
		return false, fmt.Errorf("look for pending deliveries: %w", err)
	}
	return pending, nil
}

// insertTx adds a delivery and reports whether it was not there before.
func insertTx(ctx context.Context, tx *sql.Tx, lane laneArgs, ev conversation.Event, payload []byte) (bool, error) {
	now := time.Now().UnixMilli()
	result, err := tx.ExecContext(ctx, `INSERT INTO webhook_delivery
		(endpoint, conversation_id, seq, event_type, webhook_id, payload, state, created_at, next_attempt_at)
		VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT DO NOTHING`,
		lane.Endpoint, lane.ConversationID, ev.Seq, ev.Type, webhookID(ev), payload, now, now)
	if err != nil {
		return false, fmt.Errorf("insert delivery: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// webhookID names an event to its receivers: the same on every attempt, so that they can drop repetitions.
func webhookID(ev conversation.Event) string {
	return fmt.Sprintf("msg_%s_%d", ev.ConversationID, ev.Seq)
}

// head returns the oldest pending delivery of a lane, and false if there is none.
func (s *Sender) head(ctx context.Context, lane laneArgs) (Delivery, bool, error) {
	row := s.db.QueryRowContext(ctx, selectDelivery+` WHERE conversation_id = ? AND endpoint = ? AND state = 'pending'
		ORDER BY seq LIMIT 1`, lane.ConversationID, lane.Endpoint)
	d, err := scanDelivery(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Delivery{}, false, nil
	}
	if err != nil {
		return Delivery{}, false, fmt.Errorf("read next delivery: %w", err)
	}
	return d, true, nil
}

// updateTx stores the outcome of an attempt.
func updateTx(ctx context.Context, tx *sql.Tx, d Delivery) error {
	var next, settled int64
	if d.NextAttemptAt != nil {
		next = d.NextAttemptAt.UnixMilli()
	}
	if d.SettledAt != nil {
		settled = d.SettledAt.UnixMilli()
	}
	_, err := tx.ExecContext(ctx, `UPDATE webhook_delivery
		SET state = ?, attempts = ?, status_code = ?, error = ?, next_attempt_at = ?, settled_at = ? WHERE id = ?`,
		d.State, d.Attempts, d.StatusCode, d.Error, next, settled, d.ID)
	if err != nil {
		return fmt.Errorf("store delivery attempt: %w", err)
	}
	return nil
}

// giveUpTx settles every pending delivery of a lane without sending it.
func giveUpTx(ctx context.Context, tx *sql.Tx, lane laneArgs, reason string) error {
	_, err := tx.ExecContext(ctx, `UPDATE webhook_delivery SET state = 'given_up', error = ?, settled_at = ?
		WHERE conversation_id = ? AND endpoint = ? AND state = 'pending'`,
		reason, time.Now().UnixMilli(), lane.ConversationID, lane.Endpoint)
	if err != nil {
		return fmt.Errorf("give up deliveries: %w", err)
	}
	return nil
}

// prune removes deliveries that were settled before the given time.
func (s *Sender) prune(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM webhook_delivery WHERE state <> 'pending' AND settled_at < ?`, before.UnixMilli())
	if err != nil {
		return fmt.Errorf("remove old webhook deliveries: %w", err)
	}
	return nil
}
