// Reads a log that Writ wrote, with none of Writ's code: Go's reference implementation of transparent
// logs (golang.org/x/mod/sumdb/tlog) and signed notes (…/note).
//
//	read_log DIR VERIFIER_KEY ORIGIN [OLD_CHECKPOINT] [PROOF]
//
// DIR is in the layout of C2SP tlog-tiles. Prints "size N root BASE64" when everything holds: the
// checkpoint's signature, every entry against its tile, every tile against the root, the old
// checkpoint as a prefix, and the proof file. Exits 1 with the reason otherwise.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must(ok bool, format string, args ...any) {
	if !ok {
		check(fmt.Errorf(format, args...))
	}
}

func read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	check(err)
	return data
}

// The path of tlog-tiles, from that of the Go checksum database: tile/8/0/001 is tile/0/001.
func tilePath(t tlog.Tile) string {
	return strings.Replace(strings.Replace(t.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

type folder struct{ dir string }

func (f folder) Height() int { return 8 }
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(f.dir, tilePath(t)))
		if err != nil {
			full := t
			full.W = 256
			data, err = os.ReadFile(filepath.Join(f.dir, tilePath(full)))
			if err != nil {
				return nil, err
			}
			data = data[:t.W*32]
		}
		all = append(all, data)
	}
	return all, nil
}
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func openCheckpoint(data []byte, verifier note.Verifier, origin string) tlog.Tree {
	n, err := note.Open(data, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(n.Text, "\n")
	must(len(lines) == 4 && lines[3] == "", "the checkpoint has %d lines", len(lines)-1)
	must(lines[0] == origin, "the origin is %q", lines[0])
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: hash}
}

// How many entries the tile has that starts at first. (Debian's Go has no min.)
func widthOf(tree tlog.Tree, first int64) int {
	if tree.N-first < 256 {
		return int(tree.N - first)
	}
	return 256
}

func checkEntries(dir string, tree tlog.Tree, hashes tlog.HashReader) {
	for first := int64(0); first < tree.N; first += 256 {
		width := widthOf(tree, first)
		data := read(dir, tilePath(tlog.Tile{H: 8, L: -1, N: first / 256, W: width}))
		var indexes []int64
		for i := 0; i < width; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+int64(i)))
		}
		stored, err := hashes.ReadHashes(indexes)
		check(err)
		for i := 0; i < width; i++ {
			must(len(data) >= 2, "the bundle at %d is short", first)
			size := int(binary.BigEndian.Uint16(data))
			must(len(data) >= 2+size, "the bundle at %d is short", first)
			must(tlog.RecordHash(data[2:2+size]) == stored[i], "entry %d is not the one in the tree", first+int64(i))
			data = data[2+size:]
		}
		must(len(data) == 0, "the bundle at %d is long", first)
	}
}

// The tree computed from the entries alone must have the root, and give every tile file.
func checkTiles(dir string, tree tlog.Tree) {
	var stored []tlog.Hash
	memory := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var list []tlog.Hash
		for _, i := range indexes {
			list = append(list, stored[i])
		}
		return list, nil
	})
	for first := int64(0); first < tree.N; first += 256 {
		width := widthOf(tree, first)
		data := read(dir, tilePath(tlog.Tile{H: 8, L: -1, N: first / 256, W: width}))
		for i := int64(0); i < int64(width); i++ {
			size := int(binary.BigEndian.Uint16(data))
			hashes, err := tlog.StoredHashes(first+i, data[2:2+size], memory)
			check(err)
			stored = append(stored, hashes...)
			data = data[2+size:]
		}
	}
	root, err := tlog.TreeHash(tree.N, memory)
	check(err)
	must(root == tree.Hash, "the entries do not give the root")
	for _, t := range tlog.NewTiles(8, 0, tree.N) {
		// NewTiles lists a partial tile in every width; a log has the one of its size.
		if t.W != 256 && int64(t.W) != (tree.N>>(8*t.L))%256 {
			continue
		}
		wanted, err := tlog.ReadTileData(t, memory)
		check(err)
		must(bytes.Equal(read(dir, tilePath(t)), wanted), "the file %s does not fit the entries", tilePath(t))
	}
}

func checkProof(text string, verifier note.Verifier, origin string) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	must(found, "the proof has no checkpoint")
	lines := strings.Split(head, "\n")
	must(len(lines) >= 3 && lines[0] == "c2sp.org/tlog-proof@v1", "the proof begins with %q", lines[0])
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	check(err)
	var opening struct{ Entry, Payload, Salt []byte }
	check(json.Unmarshal(extra, &opening))
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	check(err)
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		check(err)
		proof = append(proof, hash)
	}
	tree := openCheckpoint([]byte(checkpoint), verifier, origin)
	check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(opening.Entry)))
	sum := sha256.Sum256(append(opening.Salt, opening.Payload...))
	must(bytes.Equal(opening.Entry, append([]byte{1}, sum[:]...)), "the payload is not the committed one")
}

func main() {
	must(len(os.Args) >= 4, "usage: read_log DIR VERIFIER_KEY ORIGIN [OLD_CHECKPOINT] [PROOF]")
	dir, origin := os.Args[1], os.Args[3]
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	tree := openCheckpoint(read(dir, "checkpoint"), verifier, origin)
	hashes := tlog.TileHashReader(tree, folder{dir})
	root, err := tlog.TreeHash(tree.N, hashes)
	check(err)
	must(root == tree.Hash, "the tiles do not give the root")
	checkEntries(dir, tree, hashes)
	checkTiles(dir, tree)
	if len(os.Args) > 4 {
		old := openCheckpoint(read(os.Args[4]), verifier, origin)
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	}
	if len(os.Args) > 5 {
		checkProof(string(read(os.Args[5])), verifier, origin)
	}
	fmt.Printf("size %d root %s\n", tree.N, tree.Hash)
}
