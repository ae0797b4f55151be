package agent

import (
	"errors"
	"strings"
	"time"
	_ "time/tzdata" // for machines without the files of time zones

	"github.com/robfig/cron/v3"
)

// schedules are five fields as in crontab, six with seconds before them, or a
// descriptor such as @hourly or "@every 90s".
var schedules = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// parseSchedule reads a schedule, whose times are those of the zone; "" is the
// machine's. It may begin with CRON_TZ=ZONE, which then counts instead.
func parseSchedule(text, zone string) (cron.Schedule, error) {
	text = strings.TrimSpace(text)
	if own := strings.HasPrefix(text, "CRON_TZ=") || strings.HasPrefix(text, "TZ="); own && !strings.Contains(text, " ") {
		return nil, errors.New("there is a time zone and nothing else") // which the parser does not survive
	} else if zone != "" && !own {
		text = "CRON_TZ=" + zone + " " + text
	}
	s, err := schedules.Parse(text)
	if err != nil {
		return nil, err
	}
	if s.Next(time.Now()).IsZero() {
		return nil, errors.New("that time never comes")
	}
	return s, nil
}
