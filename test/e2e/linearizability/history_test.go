package main

import (
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
)

const initial = `{"kind":"initial","value":100,"nonces":[5,0]}`

func check(t *testing.T, lines ...string) bool {
	t.Helper()
	entries, err := read(strings.NewReader(strings.Join(append([]string{initial}, lines...), "\n")))
	if err != nil {
		t.Fatal(err)
	}
	first, found, err := operations(entries)
	if err != nil {
		t.Fatal(err)
	}
	return porcupine.CheckOperations(model(first), found)
}

const (
	transfer  = `{"kind":"transfer","sender":0,"value":7,"final":true,"call":10,"return":20}`
	uncertain = `{"kind":"transfer","sender":1,"value":7,"final":false,"call":10,"return":20}`
)

func TestHistories(t *testing.T) {
	for _, each := range []struct {
		name  string
		want  bool
		lines []string
	}{
		{"a read after a final transfer sees it", true, []string{transfer, `{"kind":"read-sink","value":107,"call":21,"return":22}`}},
		{"a stale read after a final transfer", false, []string{transfer, `{"kind":"read-sink","value":100,"call":21,"return":22}`}},
		{"a stale nonce after a final transfer", false, []string{transfer, `{"kind":"read-nonce","sender":0,"value":5,"call":21,"return":22}`}},
		{"a read during the transfer sees either", true, []string{transfer, `{"kind":"read-sink","value":100,"call":11,"return":19}`, `{"kind":"read-sink","value":107,"call":12,"return":19}`}},
		{"reads during the transfer go backwards", false, []string{transfer, `{"kind":"read-sink","value":107,"call":11,"return":12}`, `{"kind":"read-sink","value":100,"call":13,"return":14}`}},
		{"half of a transfer is seen", false, []string{transfer, `{"kind":"read-sink","value":107,"call":11,"return":12}`, `{"kind":"read-nonce","sender":0,"value":5,"call":13,"return":14}`}},
		{"an uncertain transfer happens much later", true, []string{uncertain, `{"kind":"read-sink","value":100,"call":21,"return":22}`, `{"kind":"read-sink","value":107,"call":90,"return":99}`}},
		{"an uncertain transfer never happens", true, []string{uncertain, `{"kind":"read-sink","value":100,"call":90,"return":99}`}},
		{"an uncertain transfer is undone", false, []string{uncertain, `{"kind":"read-sink","value":107,"call":21,"return":22}`, `{"kind":"read-sink","value":100,"call":90,"return":99}`}},
		{"a transfer is seen before it was asked for", false, []string{transfer, `{"kind":"read-sink","value":107,"call":1,"return":2}`}},
		{"a transfer is applied twice", false, []string{transfer, `{"kind":"read-sink","value":114,"call":21,"return":22}`}},
	} {
		t.Run(each.name, func(t *testing.T) {
			if got := check(t, each.lines...); got != each.want {
				t.Errorf("linearizable: %v, want %v", got, each.want)
			}
		})
	}
}
