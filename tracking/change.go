package tracking

import (
	"time"

	"github.com/operatord/operatord/conversation"
)

// Change is an entry of the record of who changed which tracker.
type Change struct {
	Number    int64           `json:"number" doc:"Grows with time"`
	TrackerID conversation.ID `json:"tracker_id"`
	Tracker   string          `json:"tracker" doc:"Its name then"`
	Version   int             `json:"version" doc:"The version that was made, or deleted"`
	Kind      string          `json:"kind" enum:"created,changed,deleted"`
	By        string          `json:"by" doc:"Who: page, api, cli, config"`
	At        time.Time       `json:"at"`
}
