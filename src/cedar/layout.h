// Laying text out within a line's width, after Wadler's "A prettier printer": a document says where
// lines may break, and each group breaks all of its own breaks or none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace writ::cedar {

class Layout {
 public:
  using Doc = std::uint32_t;  // of this Layout

  // Texts are borrowed until render returns.
  Doc nil() const { return 0; }
  Doc text(std::string_view text);
  Doc space() { return text(" "); }
  Doc hard_line();                          // always a new line; no group around it stays on one
  Doc line();                               // a space, or a new line
  Doc soft_line();                          // nothing, or a new line
  Doc join(std::vector<Doc> docs);          // one after the other
  Doc nest(std::uint32_t indent, Doc doc);  // new lines within start so much further right
  Doc group(Doc doc);

  // A new line is indented as far as what follows it, even outside its own nest.
  std::string render(Doc doc, std::size_t width) const;

 private:
  enum class Kind : std::uint8_t { kNil, kText, kHardLine, kLine, kSoftLine, kJoin, kNest, kGroup };
  struct Node {
    Kind kind = Kind::kNil;
    std::uint32_t indent = 0;
    std::size_t width = 0;
    std::string_view text;
    std::vector<Doc> docs;
  };
  enum class Mode : std::uint8_t { kFlat, kBreak };
  struct Command {
    std::uint32_t indent;
    Mode mode;
    Doc doc;
  };
  Doc add(Node node);
  bool fits(Doc doc, std::size_t used, std::size_t width, const std::vector<Command>& rest) const;

  std::vector<Node> nodes_{1};
};

}  // namespace writ::cedar
