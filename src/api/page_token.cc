#include "api/page_token.h"

#include "base/bytes.h"
#include "base/json_fields.h"
#include "crypto/seal.h"

namespace writ::api {
namespace {

struct Content {
  PagePosition position;
  Time until;
};
template <class V>
void fields(V& v, Content& c) {
  v("after", c.position.after);
  v("limit", c.position.limit);
  v("until", c.until);
}

std::string associated(std::string_view search) {
  return "page of a search\n" + std::string(search);
}

}  // namespace

PageTokens::PageTokens(Random& random) : random_(random), key_(crypto::new_data_key(random)) {}

Result<std::string> PageTokens::make(const PagePosition& position, std::string_view search,
                                     Time now) const {
  const Content content{position, now + kTokenLife};
  TRY(sealed, crypto::seal(key_, canonical(to_json(content)), associated(search), random_));
  return to_base64url(sealed);
}

Result<PagePosition> PageTokens::read(std::string_view token, std::string_view search,
                                      Time now) const {
  const auto bad =
      fail(Code::kInvalid,
           "this token is over, or of another search; ask for the first page again, without one",
           "/page/token");
  const auto sealed = from_base64url(token);
  if (!sealed) return bad;
  const auto opened = crypto::open(key_, *sealed, associated(search));
  if (!opened) return bad;
  const auto json = parse_json(opened->reveal());
  const auto content = json ? from_json<Content>(*json) : Result<Content>(fail(json));
  if (!content || now >= content->until) return bad;
  return content->position;
}

}  // namespace writ::api
