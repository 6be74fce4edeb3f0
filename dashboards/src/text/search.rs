//! Searching.

use crate::view::HitKind;

texts! {
    /// Searching.
    Search {
        lead: "Saved views, devices, models and engines by a part of their name; runs, sessions, series, gates and alerts by their number.", "저장된 보기, 기기, 모델, 엔진은 이름 일부로, 실행·세션·시계열·게이트·알림은 번호로 찾습니다.";
        nothing: "Nothing is called '{}'.", "'{}'에 맞는 것이 없습니다.";
        more: "There is more than is shown: say more of the name.", "더 있습니다. 이름을 더 입력하세요.";
        kind: "What", "종류";
        name: "Name", "이름";
        saved_view: "Saved view", "저장된 보기";
        run: "Run", "실행";
        session: "Session", "세션";
        gate: "Gate", "게이트";
        alert: "Alert", "알림";
    }
}

impl Search {
    /// What a hit is.
    pub(crate) fn kind_word(&self, kind: HitKind, common: &super::common::Common) -> &'static str {
        match kind {
            HitKind::SavedView => self.saved_view,
            HitKind::Device => common.device,
            HitKind::Model => common.model,
            HitKind::Engine => common.engine,
            HitKind::Series => common.series,
            HitKind::Run => self.run,
            HitKind::Session => self.session,
            HitKind::Gate => self.gate,
            HitKind::Alert => self.alert,
        }
    }
}
