//! Writes every page, chart (SVG and PNG) and asset with sample data into a folder, to look at them, and says how long
//! each page took to make:
//! `cargo run -p benchrack-dashboards --example sample_pages -- DIR`

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use benchrack_dashboards::picture::{Shade, png};
use benchrack_dashboards::{Chrome, Language, Page, asset};

#[path = "../tests/it/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("give a folder to write into")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in asset::all() {
        std::fs::write(folder.join(asset.url.trim_start_matches('/')), &asset.bytes)?;
    }
    for (language, chrome) in [("en", sample::chrome as fn(&str) -> Chrome), ("ko", sample::korean)] {
        let write = |name: &str, page: &dyn Fn(&Chrome) -> Result<String, benchrack_dashboards::RenderError>| {
            let began = Instant::now();
            let html = page(&chrome(&format!("/{name}")))?;
            println!("{name}.{language}: {} bytes in {:.2} ms", html.len(), began.elapsed().as_secs_f64() * 1e3);
            // Addresses from the root become relative, so that the files open without a server.
            let html = html.replace("\"/assets/", "\"assets/");
            std::fs::write(folder.join(format!("{name}.{language}.html")), html).map_err(Box::<dyn Error>::from)
        };
        macro_rules! pages {
            ($($name:ident),*) => {$(write(stringify!($name), &|chrome| sample::$name().html(chrome))?;)*};
        }
        sample::every_page!(pages);
    }
    macro_rules! all_charts {
        ($($name:ident),*) => {$(charts(folder, stringify!($name), &sample::$name())?;)*};
    }
    sample::every_page!(all_charts);
    Ok(())
}

fn charts(folder: &Path, page: &str, view: &impl Page) -> Result<(), Box<dyn Error>> {
    for name in view.charts() {
        if let Some(svg) = view.chart_svg(&name, Language::English)? {
            for (ending, shade) in [("png", Shade::Light), ("dark.png", Shade::Dark)] {
                std::fs::write(folder.join(format!("{page}-{name}.{ending}")), png(&svg, shade)?)?;
            }
            std::fs::write(folder.join(format!("{page}-{name}.svg")), svg)?;
        }
    }
    Ok(())
}
