//! Login and error pages.

use askama::Template;

use super::render;
use crate::part::{Ctx, Tab};
use crate::view::{ErrorView, LoginView};
use crate::{Chrome, Page, RenderError};

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    c: Ctx<'a>,
    v: &'a LoginView,
}

impl Page for LoginView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Other);
        let title = c.t.common.log_in.to_owned();
        render(&Login { c: Ctx { title, ..c }, v: self })
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct Error<'a> {
    c: Ctx<'a>,
    v: &'a ErrorView,
}

impl Page for ErrorView {
    fn html(&self, chrome: &Chrome) -> Result<String, RenderError> {
        let c = Ctx::new(chrome, "", Tab::Other);
        let title = c.t.common.problem(self.problem.code).to_owned();
        render(&Error { c: Ctx { title, ..c }, v: self })
    }
}
