#include "net/router.h"

#include <gtest/gtest.h>

#include "net/http.h"
#include "net/http_client.h"

namespace writ::net {
namespace {

TEST(Router, FindsExactPathsAndParameters) {
  Router router;
  ASSERT_TRUE(router.add("GET", "/", 0));
  ASSERT_TRUE(router.add("GET", "/grants", 1));
  ASSERT_TRUE(router.add("POST", "/grants", 2));
  ASSERT_TRUE(router.add("GET", "/grants/{id}", 3));
  ASSERT_TRUE(router.add("GET", "/grants/mine", 4));
  ASSERT_TRUE(router.add("GET", "/{kind}/{id}", 5));
  ASSERT_TRUE(router.add("POST", "/grants/{id}/revoke", 6));
  EXPECT_EQ(router.match("GET", "/").route, 0u);
  EXPECT_EQ(router.match("POST", "/grants").route, 2u);
  EXPECT_EQ(router.match("GET", "/grants/mine").route, 4u);
  const auto one = router.match("GET", "/grants/pg%2Fx");
  EXPECT_EQ(one.route, 3u);
  EXPECT_EQ(one.params.at(0).first, "id");
  EXPECT_EQ(one.params.at(0).second, "pg/x");
  EXPECT_EQ(router.match("GET", "/other/7").route, 5u);
  EXPECT_EQ(router.match("POST", "/grants/7/revoke").params.at(0).second, "7");
}

TEST(Router, TellsWrongPathsFromWrongMethods) {
  Router router;
  ASSERT_TRUE(router.add("GET", "/a/{x}", 0));
  ASSERT_TRUE(router.add("POST", "/a/{x}", 1));
  EXPECT_EQ(router.match("DELETE", "/a/b").status, 405);
  EXPECT_EQ(router.match("DELETE", "/a/b").allow, "GET, HEAD, POST");
  for (const std::string_view path : {"/a", "/a/", "/a/b/", "/a//", "/a/b/c", "a/b", "", "/A/b"}) {
    EXPECT_EQ(router.match("GET", path).status, 404) << path;
  }
  EXPECT_EQ(router.match("GET", "/a/%zz").status, 400);
  EXPECT_EQ(router.match("GET", "/a/%00").status, 400);
}

TEST(Router, GivesHeadTheRouteOfGet) {
  Router router;
  ASSERT_TRUE(router.add("POST", "/a", 0));
  ASSERT_TRUE(router.add("GET", "/a", 1));
  ASSERT_TRUE(router.add("GET", "/b/{x}", 2));
  ASSERT_TRUE(router.add("POST", "/c", 3));
  EXPECT_EQ(router.match("HEAD", "/a").status, 200);
  EXPECT_EQ(router.match("HEAD", "/a").route, 1u);
  EXPECT_EQ(router.match("HEAD", "/b/c").params.at(0).second, "c");
  EXPECT_EQ(router.match("HEAD", "/c").status, 405);
  EXPECT_EQ(router.match("HEAD", "/c").allow, "POST");
  EXPECT_EQ(router.match("HEAD", "/d").status, 404);
  EXPECT_EQ(router.match("head", "/a").status, 405) << "methods are case-sensitive";
  EXPECT_EQ(router.add("HEAD", "/a", 4).error().code, Code::kInvalid);
}

TEST(Router, RefusesBadAndTakenPatterns) {
  Router router;
  for (const std::string_view bad : {"", "a", "/a//b", "/a/", "/{}", "/{A}", "/a{b}", "/{a"}) {
    EXPECT_EQ(router.add("GET", bad, 0).error().code, Code::kInvalid) << bad;
  }
  ASSERT_TRUE(router.add("GET", "/a/{x}", 0));
  EXPECT_EQ(router.add("GET", "/a/{x}", 1).error().code, Code::kExists);
}

TEST(Request, ReadsQueryParameters) {
  Request request;
  request.query = "a=1&b=x%20y&c&a2=3&d=%zz&e=1&e=2";
  EXPECT_EQ(*request.query_param("a"), "1");
  EXPECT_EQ(*request.query_param("b"), "x y");
  EXPECT_EQ(*request.query_param("c"), "");
  EXPECT_EQ(request.query_param("d").error().code, Code::kInvalid);
  EXPECT_EQ(request.query_param("e").error().code, Code::kInvalid);
  EXPECT_EQ(request.query_param("f").error().code, Code::kNotFound);
}

TEST(Percent, RoundTrips) {
  const std::string text = "pg-main/orders reader?\xc3\xa4";
  EXPECT_EQ(percent_encode(text), "pg-main%2Forders%20reader%3F%C3%A4");
  EXPECT_EQ(*percent_decode(percent_encode(text)), text);
  EXPECT_FALSE(percent_decode("%4"));
}

TEST(Errors, TravelAsJson) {
  const Response response = error_response({Code::kDenied, "you may not", "/a"});
  EXPECT_EQ(response.status, 403);
  const Error back = error_of({response.status, response.body, {}});
  EXPECT_EQ(back.code, Code::kDenied);
  EXPECT_EQ(back.text(), "/a: you may not");
  EXPECT_TRUE(response.headers.empty());
  EXPECT_EQ(error_response({Code::kUnauthenticated, "who are you?", {}}).headers,
            (std::vector<Header>{{"WWW-Authenticate", "ClientCertificate"}}));
  EXPECT_EQ(error_of({502, "<html>", {}}).code, Code::kUnavailable);
}

TEST(Endpoint, ReadsAddresses) {
  EXPECT_EQ(parse_endpoint("db.example:8443")->host, "db.example");
  EXPECT_EQ(parse_endpoint("https://[::1]:8443/")->host, "::1");
  EXPECT_EQ(to_text(*parse_endpoint("[::1]:8443")), "[::1]:8443");
  for (const std::string_view bad : {"", "host", "host:", ":1", "host:0", "host:65536", "::1:80",
                                     "http://h:1", "h:1/x", "h x:1", "h:1x"}) {
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  }
}

}  // namespace
}  // namespace writ::net
