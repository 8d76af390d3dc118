// The table of the configuration file that a connector reads, by the names that connectors use. The
// types live in core/, because config/ fills them and knows no connector.
#pragma once

#include "core/section.h"

namespace penstock::connectors {

using penstock::ColumnOrConstant;
using penstock::FieldSpec;
using penstock::FieldType;
using penstock::Place;
using penstock::Section;
using penstock::SectionError;

}  // namespace penstock::connectors
