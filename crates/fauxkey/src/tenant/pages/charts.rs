//! Figures as SVG. Colours are given as fixed words, which the style turns into those of light and dark.
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Width of a chart, in its own pixels: pages scale it.
const WIDTH: u32 = 360;
/// Height of one bar with its air.
const BAR: i32 = 34;
const BLUE: RGBColor = RGBColor(0x0B, 0x57, 0xD0);
const INK: RGBColor = RGBColor(0x1B, 0x1B, 0x1F);
const LINE: RGBColor = RGBColor(0xC4, 0xC6, 0xD0);
/// Columns of a chart over time, at most.
const COLUMNS: usize = 60;

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn drawn(
    height: u32,
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Drawn,
) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        // Into a string, which takes everything.
        let _taken = draw(&area).and_then(|()| area.present());
    }
    svg
}

/// Names with counts as lying bars, one below the other.
pub(super) fn bars(figures: &[(String, u64)]) -> String {
    let most = figures.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let rows = i32::try_from(figures.len()).unwrap_or(i32::MAX / BAR).min(100);
    let (small, number) = (letters(14), letters(14));
    drawn(u32::try_from(rows * BAR + 8).unwrap_or(8), |area| {
        let right = i32::try_from(WIDTH).unwrap_or(0) - 48;
        for ((name, count), row) in figures.iter().zip(0..rows) {
            let top = row * BAR + 4;
            area.draw(&Text::new(name.clone(), (0, top), small.clone()))?;
            area.draw(&Rectangle::new([(0, top + 17), (right, top + 26)], LINE.mix(0.35).filled()))?;
            let length = scaled(*count, most, right);
            area.draw(&Rectangle::new([(0, top + 17), (length, top + 26)], BLUE.filled()))?;
            area.draw(&Text::new(count.to_string(), (right + 10, top + 14), number.clone()))?;
        }
        Ok(())
    })
}

/// Counts by day as columns, oldest first; the latest sixty.
pub(super) fn columns(figures: &[(String, u64)]) -> String {
    let figures = &figures[figures.len().saturating_sub(COLUMNS)..];
    let most = figures.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let (base, top, left) = (150, 18, 34);
    let right = i32::try_from(WIDTH).unwrap_or(0);
    drawn(180, |area| {
        let at_right = letters(13).pos(Pos::new(HPos::Right, VPos::Center));
        for (value, y) in [(most, top), (0, base)] {
            area.draw(&PathElement::new(vec![(left, y), (right, y)], LINE))?;
            area.draw(&Text::new(value.to_string(), (left - 8, y), at_right.clone()))?;
        }
        let each = f64::from(right - left) / figures.len().max(1) as f64;
        let wide = (each * 0.7).clamp(2.0, 40.0);
        for (place, (_, count)) in figures.iter().enumerate() {
            let middle = f64::from(left) + each * (place as f64 + 0.5);
            let (from, to) = ((middle - wide / 2.0) as i32, (middle + wide / 2.0) as i32);
            let height = scaled(*count, most, base - top);
            area.draw(&Rectangle::new([(from, base - height), (to, base)], BLUE.filled()))?;
        }
        if let (Some((first, _)), Some((last, _))) = (figures.first(), figures.last()) {
            area.draw(&Text::new(first.clone(), (left, base + 8), letters(13)))?;
            if figures.len() > 1 {
                let end = letters(13).pos(Pos::new(HPos::Right, VPos::Top));
                area.draw(&Text::new(last.clone(), (right, base + 8), end))?;
            }
        }
        Ok(())
    })
}

fn letters(size: i32) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size).into_font()).color(&INK)
}

/// A count's share of a length, in pixels.
fn scaled(count: u64, most: u64, length: i32) -> i32 {
    let share = count as f64 / most as f64 * f64::from(length);
    // At most `length`, as no count is above the most.
    share.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_its_names_and_counts_as_text_and_no_style_of_its_own() {
        let figures = vec![("Passkey <1>".to_owned(), 3), ("Password".to_owned(), 1)];
        let svg = bars(&figures);
        assert!(svg.starts_with("<svg "), "{svg}");
        for text in ["Passkey &lt;1&gt;", "Password", "\n3\n", "viewBox", "fill=\"#0B57D0\""] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(!svg.contains("style="), "a style would be refused: {svg}");
        let days = vec![("2026-01-19".to_owned(), 0), ("2026-01-20".to_owned(), 7)];
        let svg = columns(&days);
        for text in ["2026-01-19", "2026-01-20", "\n7\n"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
    }

    #[test]
    fn many_days_show_the_latest() {
        let days: Vec<(String, u64)> = (0..100).map(|day| (format!("day {day}"), day)).collect();
        let svg = columns(&days);
        assert!(svg.contains("day 40") && svg.contains("day 99") && !svg.contains("day 39"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), COLUMNS, "{svg}");
    }
}
