//! Pages and charts of benchrack: view structs to HTML and SVG.
