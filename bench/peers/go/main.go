// The cases of the comparison as a Go program does them, with GOMAXPROCS=1.
// SPDX-License-Identifier: BSL-1.0
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// meter adds up the wall and processor time between start and stop, so that a case can leave its preparations out.
type meter struct {
	wall, cpu int64
	extras    string
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

var epoch = time.Now()

func (m *meter) start() {
	m.wall -= int64(time.Since(epoch))
	m.cpu -= cpuTime()
}

func (m *meter) stop() {
	m.cpu += cpuTime()
	m.wall += int64(time.Since(epoch))
}

func (m *meter) add(key string, value float64) {
	m.extras += fmt.Sprintf(", %q: %f", key, value)
}

func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		panic(err)
	}
	return float64(pages * os.Getpagesize())
}

var cases = map[string]func(m *meter, n, size int){
	"create_await":     createAwait,
	"spawn":            spawn,
	"yield":            yield,
	"gather":           gather,
	"group":            group,
	"timeout":          timeout,
	"timeout_turn":     timeoutTurn,
	"exception":        failure,
	"sleepers":         sleepers,
	"cancel_depth":     cancelDepth,
	"cancel_among":     cancelAmong,
	"queue_pingpong":   queuePingPong,
	"queue_prodcons":   queueProdCons,
	"queue_getters":    queueGetters,
	"event_pingpong":   eventPingPong,
	"event_waiters":    eventWaiters,
	"lock_uncontended": lockUncontended,
	"lock_contended":   lockContended,
	"thread_roundtrip": threadRoundTrip,
	"thread_submit":    threadSubmit,
	"thread_queue":     threadQueue,
	"echo":             echo,
}

func usage() {
	names := []string{}
	for name := range cases {
		names = append(names, name)
	}
	fmt.Fprintf(os.Stderr, "usage: %s CASE N [SIZE]; for an echo server N is the port\ncases: %s\n", os.Args[0],
		strings.Join(names, " "))
	os.Exit(2)
}

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) < 3 || len(os.Args) > 4 || cases[os.Args[1]] == nil {
		usage()
	}
	numbers := []int{0, 0}
	for i, text := range os.Args[2:] {
		value, err := strconv.Atoi(text)
		if err != nil || value < 0 {
			usage()
		}
		numbers[i] = value
	}
	time.AfterFunc(24*time.Hour, func() {})
	m := &meter{}
	cases[os.Args[1]](m, numbers[0], numbers[1])
	fmt.Printf("{\"case\": %q, \"n\": %d, \"size\": %d, \"wall_ns\": %d, \"cpu_ns\": %d%s}\n", os.Args[1], numbers[0],
		numbers[1], m.wall, m.cpu, m.extras)
}
