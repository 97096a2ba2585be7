package catalog

import "github.com/operatord/operatord/tracking"

// Tracker returns a tracker with the content c that has no identity yet.
func (c Content) Tracker() tracking.Tracker { return c.tracker(tracking.Tracker{}) }
