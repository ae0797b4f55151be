// Package agent keeps the databases of a configuration file in step with their
// servers: each on a schedule, or by watching it. One agent is one process.
package agent
