#pragma once

#include <string>
#include <string_view>

namespace anomaly_exporter::api {

/// Appends `text` as HTML that is safe between tags and inside quoted attributes. Label values and
/// upstream messages are written by strangers; nothing of theirs may become markup. Bytes that are
/// not valid UTF-8 and control characters become U+FFFD.
void append_html(std::string& out, std::string_view text);

/// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not valid
/// UTF-8 become U+FFFD; "<" is escaped, so that the text stays harmless inside a page.
void append_json_string(std::string& out, std::string_view text);

}  // namespace anomaly_exporter::api
