# The linters' version is pinned here and nowhere else. It is built from source
# by `go run`, outside our go.mod, which its 200 dependencies would drown.
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: build test lint bench soak demo clean needs

build:
	go build -o bin/replog ./cmd/replog

demo: build
	bin/replog demo

# Without GORACE each program that the tests run would wait a second at its end.
# Everything under the race detector, with fewer random histories, as these take
# three times as long there; then all 1,000 of them without it. test/orm is a module
# of its own, which ./... leaves out.
test: needs
	RAPID_CHECKS=100 GORACE=atexit_sleep_ms=0 go test -race -timeout 20m ./...
	go test -timeout 20m ./test/model
	cd test/orm && GORACE=atexit_sleep_ms=0 go test -race ./...

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	cd test/orm && go vet ./...
	go run $(GOLANGCI) run ./...
	cd test/orm && go run $(GOLANGCI) run ./...

bench:
	go run ./bench

# Random histories against the model, and random kills, for much longer than CI
# allows. A failure prints the seed that replays it.
SOAK_CHECKS ?= 20000
SOAK_KILLS ?= 5000
soak: needs
	go test -timeout 0 -run TestConvergence ./test/model -rapid.checks=$(SOAK_CHECKS)
	REPLOG_CRASH_KILLS=$(SOAK_KILLS) go test -timeout 0 ./test/crash

clean:
	rm -rf bin

# What the tests run besides Go: programs that know nothing of replog and write to
# the same files, and what servers keep their logs in.
needs:
	@.ci/needs sqlite3 python3 postgres pgbouncer
