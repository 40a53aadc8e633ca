#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/query_decoder.h"

#include <simdjson.h>

#include <bit>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <map>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/rng.h"
#include "query_decoder_support.h"

namespace anomaly_exporter::sources {
namespace {

using core::ErrorCode;

/// The same document through simdjson, which knows nothing of our scanner; nothing when it finds
/// the document wrong. Sorted label text, samples in order.
std::optional<Decoded> oracle(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(simdjson::padded_string(body)).get(root) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  Decoded out;
  for (simdjson::dom::element one : simdjson::dom::array(root["data"]["result"])) {
    std::vector<core::Label> labels;
    for (auto [name, value] : simdjson::dom::object(one["metric"])) {
      labels.push_back({std::string(name), std::string(std::string_view(value))});
    }
    std::vector<series::Sample> samples;
    for (simdjson::dom::element pair : simdjson::dom::array(one["values"])) {
      const double seconds = pair.at(0);
      const std::string text(std::string_view(pair.at(1)));
      const double value = text == "NaN"    ? std::numeric_limits<double>::quiet_NaN()
                           : text == "+Inf" ? std::numeric_limits<double>::infinity()
                           : text == "-Inf" ? -std::numeric_limits<double>::infinity()
                                            : std::strtod(text.c_str(), nullptr);
      samples.push_back({core::Timestamp{std::llround(seconds * 1000)}, value});
    }
    out.emplace_back(core::Labels::create(std::move(labels))->text(), std::move(samples));
  }
  return out;
}

void check_same(const Decoded& ours, const Decoded& want) {
  BOOST_REQUIRE(ours.size() == want.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    BOOST_TEST(ours[i].first == want[i].first);
    BOOST_REQUIRE(ours[i].second.size() == want[i].second.size());
    for (std::size_t k = 0; k < ours[i].second.size(); ++k) {
      BOOST_TEST(ours[i].second[k].time.ms == want[i].second[k].time.ms);
      const double a = ours[i].second[k].value;
      const double b = want[i].second[k].value;
      BOOST_TEST(((std::isnan(a) && std::isnan(b)) || bits(a) == bits(b)), a << " is not " << b);
    }
  }
}

std::string random_matrix(core::Rng& rng) {
  const auto gap = [&] { return rng.below(20) == 0 ? std::string(" \n\t") : std::string(); };
  std::string result = "[";
  const std::uint64_t series = rng.below(4);
  for (std::uint64_t i = 0; i < series; ++i) {
    if (i > 0) result += ",";
    const std::string metric = joined({R"("metric":{"__name__":"m","i":")", std::to_string(i),
                                       R"(","esc":"q\"b\\n\n\u00e4\ud83d\ude00 ü"})"});
    std::string values = R"("values":[)";
    const std::uint64_t count = rng.below(40);
    std::uint64_t ms = 1'700'000'000'000 + rng.below(1000);
    for (std::uint64_t k = 0; k < count; ++k) {
      if (k > 0) values += joined({",", gap()});
      std::string time = std::to_string(ms / 1000);
      if (ms % 1000 != 0) time += joined({".", std::to_string(1000 + ms % 1000).substr(1)});
      values += joined({"[", gap(), time, ",", gap(), "\"", random_value(rng), "\"", gap(), "]"});
      ms += 1 + rng.below(20'000);
    }
    values += "]";
    const bool reversed = rng.below(3) == 0;
    result += reversed ? joined({"{", values, ",", metric, "}"})
                       : joined({"{", metric, gap(), ",", values, "}"});
  }
  return answer("matrix", result + "]");
}

BOOST_AUTO_TEST_SUITE(query_decoder_test)

BOOST_AUTO_TEST_CASE(decodes_a_vector) {
  const auto out = decode_one(answer("vector", R"([
    {"metric":{"__name__":"up","job":"node"},"value":[1700000000.123,"1"]},
    {"metric":{},"value":[1700000000,"-0.5"]}])"));
  BOOST_REQUIRE(out.status.ok());
  BOOST_REQUIRE(out.answer.samples.size() == 2U);
  BOOST_TEST(out.answer.samples[0].labels->text() == R"({__name__="up",job="node"})");
  BOOST_TEST(out.answer.samples[0].sample.time.ms == 1'700'000'000'123);
  BOOST_TEST(out.answer.samples[0].sample.value == 1.0);
  BOOST_TEST(out.answer.samples[1].labels->empty());
  BOOST_TEST(out.answer.samples[1].sample.value == -0.5);
}

BOOST_AUTO_TEST_CASE(decodes_a_scalar_as_a_series_without_labels) {
  const auto out = decode_one(answer("scalar", R"([1700000000,"7"])"));
  BOOST_REQUIRE(out.status.ok());
  BOOST_REQUIRE(out.answer.samples.size() == 1U);
  BOOST_TEST(out.answer.samples[0].labels->empty());
  BOOST_TEST(out.answer.samples[0].sample.value == 7.0);
}

BOOST_AUTO_TEST_CASE(a_result_of_another_type_is_the_querys_mistake) {
  for (const char* type : {"matrix", "string", "streams"}) {
    const auto out = decode_one(answer(type, "[]"));
    BOOST_REQUIRE(!out.status.ok());
    BOOST_CHECK(out.status.error().code == ErrorCode::InvalidArgument);
    BOOST_TEST(out.status.error().message ==
               std::string("the query returns a ") + type + ", not a vector");
  }
  BOOST_TEST(!decode(answer("vector", "[]")).status.ok());
}

BOOST_AUTO_TEST_CASE(known_series_keep_their_pointer) {
  LabelCache cache;
  InstantAnswer first;
  InstantAnswer second;
  const std::string body = vector_of(R"([1,"2"])");
  BOOST_REQUIRE(decode_vector(body, cache, first).ok());
  BOOST_REQUIRE(decode_vector(body, cache, second).ok());
  BOOST_TEST(first.samples[0].labels.get() == second.samples[0].labels.get());
}

BOOST_AUTO_TEST_CASE(generated_matrices_equal_the_oracle) {
  core::Rng rng(1);
  for (int i = 0; i < 300; ++i) {
    const std::string body = random_matrix(rng);
    const auto want = oracle(body);
    BOOST_REQUIRE(want.has_value());
    const Matrix ours = decode(body);
    BOOST_REQUIRE_MESSAGE(ours.status.ok(), (ours.status ? "" : ours.status.error().message));
    Decoded with_samples;
    for (const auto& one : *want) {
      if (!one.second.empty()) with_samples.push_back(one);
    }
    check_same(ours.series, with_samples);
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_corrupt) {
  core::Rng rng(2);
  const std::string body = random_matrix(rng);
  for (std::size_t n = 0; n < body.size(); ++n) {
    const Matrix cut = decode(std::string_view(body).substr(0, n));
    BOOST_REQUIRE_MESSAGE(!cut.status.ok(), "taken at " << n << " bytes");
    BOOST_CHECK(cut.status.error().code == ErrorCode::Corrupt);
  }
}

BOOST_AUTO_TEST_CASE(what_the_oracle_finds_wrong_is_wrong_here_too) {
  core::Rng rng(3);
  const std::string sound = random_matrix(rng);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string body = sound;
    constexpr std::string_view kBytes = "{}[]\",:0-.eEx\\u ntf\x01";
    body[rng.below(body.size())] = kBytes[rng.below(kBytes.size())];
    simdjson::dom::parser parser;
    const bool is_json = parser.parse(simdjson::padded_string(body)).error() == simdjson::SUCCESS;
    const bool taken = decode(body).status.ok();
    // A lone surrogate is JSON by RFC 8259, though not to simdjson: that series is skipped here.
    const bool surrogate = body.find("\\ud83d\\ude00") == std::string::npos;
    BOOST_TEST((is_json || !taken || surrogate), body);
    refused += taken ? 0 : 1;
  }
  BOOST_TEST(refused > 1000);
}

struct Shape {
  const char* name;
  std::string body;
  const char* want;  ///< part of the message
};
std::ostream& operator<<(std::ostream& out, const Shape& s) { return out << s.name; }

const Shape kShapes[] = {
    {"empty", "", "byte 0: expected '{', found the end"},
    {"not_json", "<html>", "byte 0: expected '{'"},
    {"array", "[]", "byte 0: expected '{'"},
    {"no_status", R"({"data":{}})", "no status"},
    {"no_data", R"({"status":"success"})", "no data"},
    {"status_of_another_kind", R"({"status":"maybe","data":{}})", "neither success nor error"},
    {"status_a_number", R"({"status":1})", "expected '\"'"},
    {"status_twice", R"({"status":"success","status":"success"})", "member given twice"},
    {"data_null", R"({"status":"success","data":null})", "expected '{'"},
    {"no_type", R"({"status":"success","data":{"result":[]}})", "no resultType"},
    {"no_result", R"({"status":"success","data":{"resultType":"vector"}})", "no result"},
    {"result_null", answer("vector", "null"), "expected '['"},
    {"result_an_object", answer("vector", "{}"), "expected '['"},
    {"series_a_string", answer("vector", R"(["x"])"), "expected '{'"},
    {"series_without_metric", answer("vector", R"([{"value":[1,"2"]}])"), "series without metric"},
    {"series_without_value", answer("vector", R"([{"metric":{}}])"), "series without value"},
    {"metric_an_array", answer("vector", R"([{"metric":[],"value":[1,"2"]}])"), "not an object"},
    {"label_a_number", answer("vector", R"([{"metric":{"a":1},"value":[1,"2"]}])"),
     "label value is not a string"},
    {"value_a_number", vector_of("[1,2]"), "expected '\"'"},
    {"value_an_object", vector_of("{}"), "expected '['"},
    {"value_not_a_number", vector_of(R"([1,"two"])"), "value is not a number"},
    {"value_empty", vector_of(R"([1,""])"), "value is not a number"},
    {"value_hex", vector_of(R"([1,"0x10"])"), "value is not a number"},
    {"value_with_space", vector_of(R"([1," 1"])"), "value is not a number"},
    {"time_a_string", vector_of(R"(["1","2"])"), "expected a number"},
    {"time_too_large", vector_of(R"([99999999999999999999,"2"])"), "time out of range"},
    {"time_infinite", vector_of(R"([1e999,"2"])"), "time out of range"},
    {"time_leading_zero", vector_of(R"([01700000000,"2"])"), "leading zero"},
    {"time_bare_point", vector_of(R"([1.,"2"])"), "expected a digit"},
    {"pair_too_long", vector_of(R"([1,"2",3])"), "expected ']'"},
    {"pair_too_short", vector_of("[1]"), "expected ','"},
    {"trailing_comma", answer("vector", R"([{"metric":{},"value":[1,"2"]},])"), "expected '{'"},
    {"text_after", answer("vector", "[]") + "x", "text after the end"},
    {"second_document", answer("vector", "[]") + "{}", "text after the end"},
    {"control_character", answer("vector", "[{\"metric\":{\"a\":\"b\nc\"},\"value\":[1,\"2\"]}]"),
     "control character"},
    {"bad_escape", answer("vector", R"([{"metric":{"a":"\x"},"value":[1,"2"]}])"),
     "unknown escape"},
    {"bad_unicode", answer("vector", R"([{"metric":{"a":"\u12g4"},"value":[1,"2"]}])"),
     "bad \\u escape"},
    {"metric_twice", answer("vector", R"([{"metric":{},"metric":{},"value":[1,"2"]}])"), "twice"},
    {"value_twice", answer("vector", R"([{"metric":{},"value":[1,"2"],"value":[1,"2"]}])"),
     "twice"},
    {"warnings_a_string", R"({"status":"success","warnings":"w","data":{}})", "expected '['"},
    {"unknown_word", R"({"status":"success","x":nul})", "unknown word"},
};

BOOST_DATA_TEST_CASE(anything_but_the_documented_shape_is_corrupt,
                     boost::unit_test::data::make(kShapes), sample) {
  const auto out = decode_one(sample.body);
  BOOST_REQUIRE(!out.status.ok());
  BOOST_TEST(core::to_string(out.status.error().code) == "corrupt");
  BOOST_TEST(out.status.error().message.starts_with("query answer: byte "));
  BOOST_TEST(out.status.error().message.find(sample.want) != std::string::npos,
             out.status.error().message);
}

BOOST_AUTO_TEST_CASE(the_servers_error_is_passed_on_with_its_words) {
  const auto out =
      decode_one(R"({"status":"error","errorType":"bad_data","error":"parse\nerror"})");
  BOOST_REQUIRE(!out.status.ok());
  BOOST_CHECK(out.status.error().code == ErrorCode::InvalidArgument);
  BOOST_TEST(out.status.error().message == "server error bad_data: parse error");
}

BOOST_AUTO_TEST_CASE(data_before_an_error_status_does_not_count) {
  const auto out =
      decode_one(R"({"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]},)"
                 R"("status":"error","errorType":"timeout","error":"late"})");
  BOOST_TEST(!out.status.ok());
  BOOST_TEST(out.answer.samples.empty());
}

BOOST_AUTO_TEST_CASE(the_order_of_members_does_not_matter) {
  const auto out = decode(R"({"data":{"result":[{"values":[[1,"2"],[3,"4"]],"metric":{"a":"b"}}],)"
                          R"("resultType":"matrix"},"status":"success"})");
  BOOST_REQUIRE(out.status.ok());
  BOOST_REQUIRE(out.series.size() == 1U);
  BOOST_TEST(out.series[0].first == R"({a="b"})");
  BOOST_TEST(out.series[0].second.size() == 2U);
}

BOOST_AUTO_TEST_CASE(unknown_members_are_skipped_whatever_they_hold) {
  const auto out = decode_one(
      R"({"status":"success","isPartial":false,"stats":{"a":[1,-2.5e+3,null,true,{"b":"\u0000"}]},)"
      R"("infos":["i"],"data":{"x":[[[]]],"resultType":"vector","result":[)"
      R"({"group":1,"metric":{"a":"b"},"value":[1,"2"],"values":null}]}})");
  BOOST_TEST(!out.status.ok());  // `values` is known: given twice with `value`
  const auto fine = decode_one(
      R"({"status":"success","isPartial":false,"stats":{"a":[1,-2.5e+3,null,true,{"b":"\u0000"}]},)"
      R"("infos":["i"],"data":{"x":[[[]]],"resultType":"vector","result":[)"
      R"({"group":1,"metric":{"a":"b"},"value":[1,"2"]}]}})");
  BOOST_REQUIRE(fine.status.ok());
  BOOST_TEST(fine.answer.samples.size() == 1U);
  BOOST_TEST(fine.answer.warnings.empty());
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded) {
  const auto nested = [](std::size_t depth) {
    return joined({R"({"status":"success","x":)", std::string(depth, '['), std::string(depth, ']'),
                   R"(,"data":{"resultType":"vector","result":[]}})"});
  };
  BOOST_TEST(decode_one(nested(60)).status.ok());
  BOOST_TEST(!decode_one(nested(64)).status.ok());
  const auto deep = decode_one(nested(1'000'000));
  BOOST_REQUIRE(!deep.status.ok());
  BOOST_TEST(deep.status.error().message.find("nested deeper") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(histograms_are_counted_and_skipped) {
  const auto instant = decode_one(answer(
      "vector", R"([{"metric":{"a":"b"},"histogram":[1,{"count":"1","buckets":[[0,"1","2","3"]]}]},
                    {"metric":{"a":"c"},"value":[1,"2"]}])"));
  BOOST_REQUIRE(instant.status.ok());
  BOOST_TEST(instant.answer.samples.size() == 1U);
  BOOST_TEST(instant.answer.not_a_number == 1U);
  const auto range = decode(answer("matrix", R"([{"metric":{"a":"b"},"histograms":[[1,{}],[2,{}]]},
                    {"metric":{"a":"c"},"values":[[1,"2"]],"histograms":[[2,{}]]}])"));
  BOOST_REQUIRE(range.status.ok());
  BOOST_TEST(range.series.size() == 1U);
  BOOST_TEST(range.notes.not_a_number == 3U);
  BOOST_TEST(range.notes.samples == 1U);
}

BOOST_AUTO_TEST_CASE(warnings_are_kept_up_to_a_bound) {
  std::string many = R"({"status":"success","warnings":[)";
  for (int i = 0; i < 1000; ++i) many += R"("partial \n response",)";
  many += R"("last"],"data":{"resultType":"vector","result":[]}})";
  const auto out = decode_one(many);
  BOOST_REQUIRE(out.status.ok());
  BOOST_TEST(out.answer.warnings.size() == 64U);
  BOOST_TEST(out.answer.warnings[0] == "partial   response");
  BOOST_TEST(decode_one(R"({"status":"success","warnings":null,"data":)"
                        R"({"resultType":"vector","result":[]}})")
                 .status.ok());
}

BOOST_AUTO_TEST_CASE(label_escapes_are_undone) {
  const auto out = decode_one(answer(
      "vector", R"([{"metric":{"a":"q\" s\/ b\\ t\t u\u00e4 \ud83d\ude00 \u20AC","\u0062":"key"},)"
                R"("value":[1,"2"]}])"));
  BOOST_REQUIRE(out.status.ok());
  BOOST_REQUIRE(out.answer.samples.size() == 1U);
  const core::Labels& labels = *out.answer.samples[0].labels;
  BOOST_TEST(labels.value("a").value_or("") == "q\" s/ b\\ t\t uä 😀 €");
  BOOST_TEST(labels.value("b").value_or("") == "key");
}

BOOST_AUTO_TEST_CASE(series_with_labels_no_server_sends_are_counted_and_skipped) {
  for (const std::string metric :
       {R"({"a":"nul\u0000"})", "{\"a\":\"\xff\xfe\"}", R"({"a":"1","a":"2"})", R"({"a":"\ud83d"})",
        R"({"a":"\ude00\ud83d"})", R"({"":"empty name"})"}) {
    const auto out =
        decode_one(answer("vector", joined({R"([{"metric":)", metric, R"(,"value":[1,"2"]},)",
                                            R"({"metric":{"ok":"1"},"value":[1,"2"]}])"})));
    BOOST_REQUIRE(out.status.ok());
    BOOST_TEST(out.answer.invalid_labels == 1U, metric);
    BOOST_TEST(out.answer.samples.size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(a_sink_that_refuses_ends_the_decoding_with_its_error) {
  LabelCache cache;
  QueryNotes notes;
  int calls = 0;
  const auto status = decode_matrix(
      answer("matrix", R"([{"metric":{"a":"1"},"values":[[1,"2"]]},)"
                       R"({"metric":{"a":"2"},"values":[[1,"2"]]}])"),
      cache,
      [&](const core::LabelsPtr&, std::span<const series::Sample>) -> core::Status {
        ++calls;
        return core::Error{ErrorCode::Exhausted, "series limit"};
      },
      notes);
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message == "series limit");
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(decodes_label_values) {
  const auto out = decode_strings(R"({"status":"success","data":["node","a\"b"]})");
  BOOST_REQUIRE(out.ok());
  BOOST_TEST(*out == (std::vector<std::string>{"node", "a\"b"}), boost::test_tools::per_element());
  BOOST_TEST(!decode_strings(R"({"status":"success","data":[1]})").ok());
  BOOST_TEST(!decode_strings(R"({"status":"success","data":["a")").ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::sources
